/* This file has what finds centres near rows, and moves them. */

/* Returns x where a column is one of the width that there are, and otherwise what else is given; first is the column of
 * the first lane. */
FM_INLINE vec FM(within_width)(vec x, long first, long width, FM_REAL otherwise) {
    return width - first >= FM_LANES ? x : v_select(v_lane_numbers() < (FM_INT)(width - first), x, v_all(otherwise));
}

/* These return the smaller and the larger one of two numbers in each lane, and y where one of both is NaN. */
FM_INLINE vec FM(smaller_of)(vec x, vec y) {
#if FM_HAS_MAX
    return FM_MIN(x, y);
#else
    return v_select(x < y, x, y);
#endif
}

FM_INLINE vec FM(larger_of)(vec x, vec y) {
#if FM_HAS_MAX
    return FM_MAX(x, y);
#else
    return v_select(x > y, x, y);
#endif
}

/* Returns one of the vectors of a row, by its number. */
FM_INLINE vec FM(vector_of_row)(const fm_rows *rows, long r, long vector) {
    return ((const vec *)FM_ROW(rows->at, rows->stride, vector / FM_PANEL_VECTORS, r))[vector % FM_PANEL_VECTORS];
}

/* Returns the first column in which something is found, given the number of the vector in which each lane has it. */
FM_INLINE long FM(first_column)(ivec found_in) {
    const ivec columns = found_in * (FM_INT)FM_LANES + v_lane_numbers();
    FM_INT lanes[FM_VECTOR_BYTES / sizeof(FM_REAL)];
    memcpy(lanes, &columns, sizeof lanes);
#pragma GCC unroll 4
    for (long half = FM_LANES / 2; half > 0; half /= 2)
#pragma GCC unroll 8
        for (long i = 0; i < half; i++)
            lanes[i] = lanes[i] < lanes[i + half] ? lanes[i] : lanes[i + half];
    return lanes[0];
}

/* Finds a row's smallest number, and with two the second smallest: first the numbers, lane by lane and then among the
 * lanes, and then where they are. */
FM_INLINE void FM(smallest_of_row)(const int two, const fm_rows *rows, long r, int32_t *first, int32_t *second) {
    const long width = rows->width, vectors = (width + FM_LANES - 1) / FM_LANES;
    vec least = v_all(INFINITY), next = least;
    for (long i = 0; i < vectors; i++) {
        vec x = FM(vector_of_row)(rows, r, i);
        if (i == vectors - 1)
            x = FM(within_width)(x, i * FM_LANES, width, INFINITY);
        if (two)
            next = FM(smaller_of)(FM(larger_of)(x, least), next);
        least = FM(smaller_of)(x, least);
    }
    FM_REAL low[FM_VECTOR_BYTES / sizeof(FM_REAL)], high[FM_VECTOR_BYTES / sizeof(FM_REAL)];
    memcpy(low, &least, sizeof low);
    memcpy(high, &next, sizeof high);
#pragma GCC unroll 4
    for (long half = FM_LANES / 2; half > 0; half /= 2)
#pragma GCC unroll 8
        for (long i = 0; i < half; i++) {
            const FM_REAL a = low[i], b = low[i + half], c = high[i], d = high[i + half];
            const FM_REAL larger = a < b ? b : a, rest = c < d ? c : d;
            low[i] = a < b ? a : b;
            high[i] = larger < rest ? larger : rest;
        }
    /* From the last vector to the first, so that each lane ends with its first one. Padding that happens to be the same
     * comes after all columns. */
    const vec value = v_all(low[0]), other = v_all(high[0]);
    ivec found_in = (ivec){0} + (FM_INT)vectors, other_in = found_in;
    for (long i = vectors - 1; i >= 0; i--) {
        const vec x = FM(vector_of_row)(rows, r, i);
        const ivec here = (ivec){0} + (FM_INT)i, is_value = x == value;
        found_in = (is_value & here) | (~is_value & found_in);
        if (two) {
            const ivec is_other = x == other;
            other_in = (is_other & here) | (~is_other & other_in);
        }
    }
    const long column = FM(first_column)(found_in);
    *first = (int32_t)(low[0] < (FM_REAL)INFINITY ? column : 0);
    if (two) {
        long other_column = FM(first_column)(other_in);
        if (low[0] == high[0])
            for (other_column = column + 1; other_column < width; other_column++)
                if (*FM(output)(rows, r, other_column) == high[0])
                    break;
        *second = (int32_t)(high[0] < (FM_REAL)INFINITY && other_column < width ? other_column : 0);
    }
}

static void FM(smallest)(const fm_rows *rows, int32_t *first, int32_t *second) {
    for (long r = 0; r < rows->rows; r++)
        if (second)
            FM(smallest_of_row)(1, rows, r, first + r, second + r);
        else
            FM(smallest_of_row)(0, rows, r, first + r, NULL);
}

/* Writes the squared distances from some rows to one or two vectors of centres. */
FM_INLINE void FM(distance_tile)(const int n, const int vectors, const fm_rows *rows, const FM_REAL *a,
                                 const FM_REAL *centres, FM_REAL *to) {
    vec sums[4][2];
    for (int r = 0; r < n; r++)
        for (int v = 0; v < vectors; v++)
            sums[r][v] = v_all(0);
    for (long c = 0; c < rows->width; c += FM_PANEL, a += rows->stride * FM_PANEL) {
        const long end = rows->width - c < FM_PANEL ? rows->width - c : FM_PANEL;
        for (long k = 0; k < end; k++, centres += FM_PANEL)
            for (int r = 0; r < n; r++)
                for (int v = 0; v < vectors; v++) {
                    const vec difference = v_all(a[r * FM_PANEL + k]) - ((const vec *)centres)[v];
                    sums[r][v] += difference * difference;
                }
    }
    for (int r = 0; r < n; r++)
        for (int v = 0; v < vectors; v++)
            ((vec *)(to + r * FM_PANEL))[v] = sums[r][v];
}

static void FM(squared_distances)(const fm_rows *rows, const fm_rows *columns, const fm_rows *squares) {
    for (long panel = 0; panel * FM_PANEL < columns->width; panel++) {
        const long vectors = FM(vectors_in_panel)(columns->width - panel * FM_PANEL);
        for (long v = 0; v < vectors; v += 2) {
            const FM_REAL *centres = FM_ROW(columns->at, columns->stride, panel, 0) + v * FM_LANES;
            FM_REAL *to = FM_ROW(squares->at, squares->stride, panel, 0) + v * FM_LANES;
            const FM_REAL *a = rows->at;
            long left = rows->rows;
            for (; left >= 4; left -= 4, a += 4 * FM_PANEL, to += 4 * FM_PANEL)
                if (vectors - v > 1)
                    FM(distance_tile)(4, 2, rows, a, centres, to);
                else
                    FM(distance_tile)(4, 1, rows, a, centres, to);
            for (; left; left--, a += FM_PANEL, to += FM_PANEL)
                if (vectors - v > 1)
                    FM(distance_tile)(1, 2, rows, a, centres, to);
                else
                    FM(distance_tile)(1, 1, rows, a, centres, to);
        }
    }
}

static void FM(distances_between)(const fm_rows *rows, const fm_rows *others, const int32_t *numbers, double *squares) {
    for (long r = 0; r < rows->rows; r++) {
        const FM_REAL *a = FM_ROW(rows->at, 0, 0, r), *b = FM_ROW(others->at, 0, 0, numbers[r]);
        vec sum = v_all(0);
        for (long c = 0; c < rows->width; c += FM_PANEL, a += rows->stride * FM_PANEL, b += others->stride * FM_PANEL)
            for (long v = 0; v < FM_PANEL_VECTORS && c + v * FM_LANES < rows->width; v++) {
                const vec difference = ((const vec *)a)[v] - ((const vec *)b)[v];
                const vec there = FM(within_width)(difference, c + v * FM_LANES, rows->width, 0);
                sum += there * there;
            }
        squares[r] = v_sum(sum);
    }
}

static void FM(add_to)(const fm_rows *rows, const int32_t *numbers, const double *weights, double *sums) {
    const long width = rows->width;
    for (long r = 0; r < rows->rows; r++) {
        const FM_REAL *a = FM_ROW(rows->at, 0, 0, r);
        const double weight = weights ? weights[r] : 1;
        double *sum = sums + numbers[r] * width;
        for (long c = 0; c < width; c += FM_PANEL, a += rows->stride * FM_PANEL, sum += FM_PANEL) {
            const long n = width - c < FM_PANEL ? width - c : FM_PANEL;
            for (long k = 0; k < n; k++)
                sum[k] += weight * (double)a[k];
        }
    }
}

static void FM(pull)(const fm_rows *row, const void *shares, const fm_rows *columns) {
    for (long panel = 0; panel * FM_PANEL < columns->width; panel++) {
        const vec *share = (const vec *)shares + panel * FM_PANEL_VECTORS;
        const long vectors = FM(vectors_in_panel)(columns->width - panel * FM_PANEL);
        const FM_REAL *x = row->at;
        for (long k = 0; k < columns->rows; k++) {
            const vec target = v_all(x[k / FM_PANEL * row->stride * FM_PANEL + k % FM_PANEL]);
            vec *at = (vec *)FM_ROW(columns->at, columns->stride, panel, k);
            for (long v = 0; v < vectors; v++)
                at[v] += share[v] * (target - at[v]);
        }
    }
}
