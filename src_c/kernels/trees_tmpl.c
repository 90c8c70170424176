/* This file grows and applies small trees on columns of codes, 0 to 255 each. A row has moments: 1, the first and the
 * second derivatives of its loss. Their sums over the rows of each bin of each column tell how good each split is. */

/* Four numbers are added at once; the numbers of a row's moments are a multiple of that. */
typedef FM_REAL FM(quad) __attribute__((vector_size(FM_TREE_QUAD * sizeof(FM_REAL))));
#define quad FM(quad)

/* No second derivative of a row, and no sum of them that something is divided by, is taken for less than this. */
#define FM_TREE_LEAST_SLOPE ((FM_REAL)1e-6)
#define FM_TREE_LEAST_SUM ((FM_REAL)1e-12)
/* Of scores that differ by no more than rounding may make them differ, the first is taken, so that instruction sets
 * agree. */
#define FM_TREE_TIE (1 + 1024 * (FM_REAL)FM_EPS)

/* Writes the moments of one vector of rows for one output: gradients g and second derivatives h. */
FM_INLINE void FM(tree_moments)(const fm_boosting *boosting, long row, long output, vec g, vec h) {
    FM_REAL *to = (FM_REAL *)boosting->moments + row * boosting->lanes + 1 + output;
    const vec weights = *(const vec *)((const FM_REAL *)boosting->weights + row);
    g *= weights;
    h *= weights;
    for (long i = 0; i < FM_LANES; i++, to += boosting->lanes) {
        to[0] = g[i];
        to[boosting->outputs] = h[i];
    }
}

FM_INLINE vec FM(tree_slope)(vec h) {
    return v_select(h > FM_TREE_LEAST_SLOPE, h, v_all(FM_TREE_LEAST_SLOPE));
}

static void FM(tree_gradients)(const fm_boosting *boosting) {
    const long outputs = boosting->outputs, stride = boosting->stride;
    const FM_REAL *scores = boosting->scores, *targets = boosting->targets;
    const FM_REAL bound = outputs > 1 ? (FM_REAL)outputs / (FM_REAL)(outputs - 1) : 1;
    for (long r = 0; r < stride; r += FM_LANES) {
        vec top = *(const vec *)(scores + r), sum = v_all(0);
        if (boosting->classes && outputs > 1) {
            for (long k = 1; k < outputs; k++) {
                const vec x = *(const vec *)(scores + k * stride + r);
                top = v_select(x > top, x, top);
            }
            for (long k = 0; k < outputs; k++)
                sum += v_exp(*(const vec *)(scores + k * stride + r) - top);
        }
        for (long k = 0; k < outputs; k++) {
            const vec x = *(const vec *)(scores + k * stride + r), y = *(const vec *)(targets + k * stride + r);
            if (!boosting->classes) {
                FM(tree_moments)(boosting, r, k, x - y, v_all(1));
                continue;
            }
            const vec p = outputs > 1 ? v_exp(x - top) / sum : v_logistic(x);
            FM(tree_moments)(boosting, r, k, p - y, FM(tree_slope)(bound * p * (1 - p)));
        }
    }
}

/* The number of quads is given by itself, so that the compiler makes copies of the function for a few of them. */
FM_INLINE void FM(tree_add_rows)(const fm_tree_rows *rows, const fm_tree_columns *columns, quad *sums, long quads) {
    const long n = rows->rows, chosen = columns->columns;
    const int32_t *numbers = columns->numbers, *offsets = columns->offsets;
    for (long i = 0; i < n; i++) {
        const long row = rows->order[i];
        const uint8_t *codes = rows->codes + row * rows->width;
        const quad *moments = (const quad *)rows->moments + row * quads;
        for (long c = 0; c < chosen; c++) {
            quad *to = sums + (offsets[c] + codes[numbers[c]]) * quads;
            for (long q = 0; q < quads; q++)
                to[q] += moments[q];
        }
    }
}

static void FM(tree_sums)(const fm_tree_rows *rows, const fm_tree_columns *columns, void *sums) {
    const long quads = rows->lanes / FM_TREE_QUAD;
    memset(sums, 0, (size_t)(columns->offsets[columns->columns] * quads) * sizeof(quad));
    switch (quads) {
    case 1:
        FM(tree_add_rows)(rows, columns, sums, 1);
        break;
    case 2:
        FM(tree_add_rows)(rows, columns, sums, 2);
        break;
    case 3:
        FM(tree_add_rows)(rows, columns, sums, 3);
        break;
    default:
        FM(tree_add_rows)(rows, columns, sums, quads);
    }
}

/* Returns how much of the loss two leaves take away by one output, to second order and twice over: the sum of
 * G^2 / (H + l2). */
FM_INLINE vec FM(tree_score)(vec g, vec h, vec g_other, vec h_other) {
    h = v_select(h > FM_TREE_LEAST_SUM, h, v_all(FM_TREE_LEAST_SUM));
    h_other = v_select(h_other > FM_TREE_LEAST_SUM, h_other, v_all(FM_TREE_LEAST_SUM));
    return (g * g * h_other + g_other * g_other * h) / (h * h_other);
}

/* Writes the sums of moments up to and including each bin, FM_REAL [lanes][FM_TREE_CODES], and zeros behind the last
 * bin up to whole vectors. */
FM_INLINE void FM(tree_sums_until)(const quad *bins, long n, long quads, FM_REAL *until) {
    for (long q = 0; q < quads; q++) {
        quad sum = {0};
        for (long b = 0; b < n; b++) {
            sum += bins[b * quads + q];
            for (long i = 0; i < FM_TREE_QUAD; i++)
                until[(q * FM_TREE_QUAD + i) * FM_TREE_CODES + b] = sum[i];
        }
        for (long b = n; b % FM_LANES; b++)
            for (long i = 0; i < FM_TREE_QUAD; i++)
                until[(q * FM_TREE_QUAD + i) * FM_TREE_CODES + b] = 0;
    }
}

/* Returns what splits after a vector of bins score, the first of which is given. */
FM_INLINE vec FM(tree_bin_scores)(const FM_REAL *until, const FM_REAL *total, long outputs, FM_REAL l2) {
    vec score = v_all(0);
    for (long k = 1; k <= outputs; k++) {
        const vec g = *(const vec *)(until + k * FM_TREE_CODES);
        const vec h = *(const vec *)(until + (outputs + k) * FM_TREE_CODES);
        score += FM(tree_score)(g, h + l2, total[k] - g, total[outputs + k] - h + l2);
    }
    return score;
}

/* Returns what a leaf scores as it is. */
FM_INLINE FM_REAL FM(tree_unsplit)(const FM_REAL *total, const fm_tree_limits *limits) {
    FM_REAL score = 0;
    for (long k = 1; k <= limits->outputs; k++) {
        const FM_REAL g = total[k], h = total[limits->outputs + k] + (FM_REAL)limits->l2;
        score += g * g / (h > FM_TREE_LEAST_SUM ? h : FM_TREE_LEAST_SUM);
    }
    return score;
}

/* Writes what a split after each bin scores, -1 where a leaf would have too few rows, and returns the highest score. */
FM_INLINE FM_REAL FM(tree_scores)(const FM_REAL *until, long n, const FM_REAL *total, const fm_tree_limits *limits,
                                  FM_REAL *scores) {
    const long outputs = limits->outputs;
    const FM_REAL l2 = (FM_REAL)limits->l2, least = (FM_REAL)limits->min_rows, most = total[0] - least;
    vec best = v_all(-1);
    for (long b = 0; b < n; b += FM_LANES) {
        const vec rows = *(const vec *)(until + b);
        vec score = FM(tree_bin_scores)(until + b, total, outputs, l2);
        score = v_select((rows >= least) & (rows <= most), score, v_all(-1));
        best = v_select(score > best, score, best);
        *(vec *)(scores + b) = score;
    }
    FM_REAL top = best[0];
    for (long i = 1; i < FM_LANES; i++)
        top = best[i] > top ? best[i] : top;
    return top;
}

static void FM(tree_split)(const fm_tree_columns *columns, const void *sums, const void *total,
                           const fm_tree_limits *limits, void *left, fm_tree_split *split) {
    const long lanes = limits->lanes, quads = lanes / FM_TREE_QUAD;
    FM_REAL *until = limits->scratch, *scores = until + lanes * FM_TREE_CODES;
    const FM_REAL unsplit = FM(tree_unsplit)(total, limits);
    FM_REAL limit = unsplit * FM_TREE_TIE + (FM_REAL)limits->min_gain;
    split->column = -1;
    for (long i = 0; i < columns->searched; i++) {
        const long c = columns->to_search[i];
        const long first = columns->offsets[c], n = columns->offsets[c + 1] - first - 1;
        FM(tree_sums_until)((const quad *)sums + first * quads, n, quads, until);
        const FM_REAL top = FM(tree_scores)(until, n, total, limits, scores);
        if (!(top > limit))
            continue;
        long b = 0;
        while (scores[b] * FM_TREE_TIE < top)
            b++;
        limit = top * FM_TREE_TIE;
        split->gain = (double)(scores[b] - unsplit);
        split->column = (int32_t)c;
        split->threshold = (int32_t)b;
        for (long m = 0; m < lanes; m++)
            ((FM_REAL *)left)[m] = until[m * FM_TREE_CODES + b];
    }
}

static void FM(tree_level)(const fm_tree_columns *columns, long leaves, const void *const *sums, const void *totals,
                           const fm_tree_limits *limits, fm_tree_split *split) {
    const long lanes = limits->lanes, outputs = limits->outputs, quads = lanes / FM_TREE_QUAD;
    FM_REAL *until = limits->scratch, *scores = until + lanes * FM_TREE_CODES;
    FM_REAL unsplit = 0, single = 0;
    for (long leaf = 0; leaf < leaves; leaf++) {
        const FM_REAL *total = (const FM_REAL *)totals + leaf * lanes;
        const FM_REAL score = FM(tree_unsplit)(total, limits);
        unsplit += score;
        /* A single row stays a leaf of one row, whatever the split. */
        single += total[0] < 2 ? score : 0;
    }
    FM_REAL limit = unsplit * FM_TREE_TIE + (FM_REAL)limits->min_gain;
    split->column = -1;
    for (long i = 0; i < columns->searched; i++) {
        const long c = columns->to_search[i];
        const long first = columns->offsets[c], n = columns->offsets[c + 1] - first - 1;
        for (long b = 0; b < n; b += FM_LANES)
            *(vec *)(scores + b) = v_all(single);
        for (long leaf = 0; leaf < leaves; leaf++) {
            const FM_REAL *total = (const FM_REAL *)totals + leaf * lanes;
            if (total[0] < 2)
                continue;
            FM(tree_sums_until)((const quad *)sums[leaf] + first * quads, n, quads, until);
            for (long b = 0; b < n; b += FM_LANES)
                *(vec *)(scores + b) += FM(tree_bin_scores)(until + b, total, outputs, (FM_REAL)limits->l2);
        }
        FM_REAL top = 0;
        for (long b = 0; b < n; b++)
            top = scores[b] > top ? scores[b] : top;
        if (!(top > limit))
            continue;
        long b = 0;
        while (scores[b] * FM_TREE_TIE < top)
            b++;
        limit = top * FM_TREE_TIE;
        split->gain = (double)(scores[b] - unsplit);
        split->column = (int32_t)c;
        split->threshold = (int32_t)b;
    }
}

static void FM(tree_rest)(long n, void *whole, const void *part) {
    for (long i = 0; i < n; i++)
        ((FM_REAL *)whole)[i] -= ((const FM_REAL *)part)[i];
}

/* Both groups of rows stay in their order. Every row is written to both, and one of the two is then overwritten. */
static long FM(tree_part)(long rows, int32_t *order, const uint8_t *codes, int threshold, int32_t *scratch) {
    long left = 0, right = 0;
    for (long i = 0; i < rows; i++) {
        const int32_t row = order[i];
        const int goes_right = codes[row] > threshold;
        order[left] = row;
        scratch[right] = row;
        left += !goes_right;
        right += goes_right;
    }
    memcpy(order + left, scratch, (size_t)right * sizeof *order);
    return left;
}

static void FM(tree_leaves)(long rows, const uint8_t *codes, int threshold, int leaf, int new_leaf, uint8_t *leaves) {
    const uint8_t most = (uint8_t)threshold, from = (uint8_t)leaf, to = (uint8_t)new_leaf;
    for (long r = 0; r < rows; r++)
        leaves[r] = (codes[r] > most) & (leaves[r] == from) ? to : leaves[r];
}

static void FM(tree_sides)(long rows, const uint8_t *codes, int threshold, int step, uint8_t *leaves) {
    const uint8_t most = (uint8_t)threshold, more = (uint8_t)step;
    for (long r = 0; r < rows; r++)
        leaves[r] += codes[r] > most ? more : 0;
}

/* The leaves of a few vectors of rows stay in registers while these go through a tree. */
typedef uint8_t FM(bytes) __attribute__((vector_size(FM_VECTOR_BYTES)));
#define bytes FM(bytes)

FM_INLINE bytes FM(tree_bytes)(uint8_t x) {
    return x - (bytes){0};
}

FM_INLINE bytes FM(tree_moved)(bytes leaf, bytes codes, bytes most, bytes from, bytes to) {
#if FM_HAS_MASKS
    return FM_BYTES_MOVED(leaf, codes, most, from, to);
#else
    return leaf ^ ((leaf ^ to) & (bytes)(codes > most) & (bytes)(leaf == from));
#endif
}

FM_INLINE bytes FM(tree_raised)(bytes leaf, bytes codes, bytes most, bytes by) {
#if FM_HAS_MASKS
    return FM_BYTES_RAISED(leaf, codes, most, by);
#else
    return leaf + (by & (bytes)(codes > most));
#endif
}

static void FM(tree_numbers)(long rows, const fm_tree *tree, const uint8_t *codes, uint8_t *leaves) {
    enum { vectors = 4 };
    for (long r = 0; r < rows; r += vectors * FM_VECTOR_BYTES) {
        bytes found[vectors] = {0};
        for (long split = 0, leaf = 1; leaf < tree->leaves;) {
            const bytes *column = (const bytes *)(codes + tree->places[split] * FM_TREE_ROWS + r);
            const bytes most = FM(tree_bytes)(tree->thresholds[split]), new = FM(tree_bytes)((uint8_t)leaf);
            if (tree->alike[split]) {
                for (long v = 0; v < vectors; v++)
                    found[v] = FM(tree_raised)(found[v], column[v], most, new);
                split += leaf;
                leaf *= 2;
            } else {
                const bytes from = FM(tree_bytes)(tree->parents[split]);
                for (long v = 0; v < vectors; v++)
                    found[v] = FM(tree_moved)(found[v], column[v], most, from, new);
                split++;
                leaf++;
            }
        }
        memcpy(leaves + r, found, sizeof found);
    }
}
#undef bytes

#if FM_HAS_LANE_PICKS
/* The values of a tree's leaves stay in registers. Whether they are more than two vectors is given by itself, so that
 * the compiler makes a copy of the function for either. */
FM_INLINE void FM(tree_pick_values)(long rows, const uint8_t *leaves, const vec *table, int is_long, FM_REAL *sums) {
    typedef uint8_t numbers __attribute__((vector_size(FM_LANES)));
    for (long r = 0; r < rows; r += FM_LANES) {
        numbers few;
        memcpy(&few, leaves + r, sizeof few);
        const ivec leaf = __builtin_convertvector(few, ivec);
        vec values = FM_PICK_LANES(table[0], leaf, table[1]);
        if (is_long)
            values = v_select(leaf >= 2 * FM_LANES, FM_PICK_LANES(table[2], leaf, table[3]), values);
        *(vec *)(sums + r) += values;
    }
}
#endif

static void FM(tree_values)(long rows, const uint8_t *leaves, long n_leaves, const void *values, void *sums) {
#if FM_HAS_LANE_PICKS
    if (n_leaves <= 4 * FM_LANES) {
        vec table[4] = {0};
        memcpy(table, values, (size_t)n_leaves * sizeof(FM_REAL));
        if (n_leaves <= 2 * FM_LANES)
            FM(tree_pick_values)(rows, leaves, table, 0, sums);
        else
            FM(tree_pick_values)(rows, leaves, table, 1, sums);
        return;
    }
#endif
    for (long r = 0; r < rows; r++)
        ((FM_REAL *)sums)[r] += ((const FM_REAL *)values)[leaves[r]];
}
#undef quad
