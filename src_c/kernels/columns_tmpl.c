/* This file has the first layer on encoded columns: the numbers of the dense product of their encoding, at the cost of
 * looking up two rows of weights for each number of a table, and one for each category.
 *
 * A number with the inputs 0 ... B, in bin k with fraction f, adds w_1 + ... + w_{k-1} + f w_k. With the sums of bins
 * S_k = w_1 + ... + w_{k-1} that is (1 - f) S_k + f S_{k+1}, so that rows that lie side by side are looked up. A
 * missing number adds w_0, and a category the weights of its input.
 *
 * On the way back, let G_k be the sum of the deltas of the rows in bin k, and F_k that of f times them. The gradient of
 * w_k is F_k + G_{k+1} + ... + G_B, and that of w_0, as those of a category's weights, is G of its own rows. The rows
 * of a column are sorted by their inputs, so that all sums of an input are made in registers, in the order of rows. */

/* Returns how many rows a panel of the sums of bins has: one more for each number than it has inputs. */
FM_INLINE long FM(sums_of_panel)(const fm_columns *columns) {
    return columns->offsets[columns->numbers] + columns->numbers;
}

static void FM(sum_bins)(const fm_layer *layer, const fm_columns *columns, long panel, void *bin_sums) {
    const vec *w = (const vec *)((const FM_REAL *)layer->weights + FM(place)(layer, panel, 0));
    vec *to = (vec *)((FM_REAL *)bin_sums + panel * FM(sums_of_panel)(columns) * FM_PANEL);
    for (long c = 0; c < columns->numbers; c++) {
        vec total[FM_PANEL_BYTES / FM_VECTOR_BYTES];
        for (long v = 0; v < FM_PANEL_VECTORS; v++, to++) {
            *to = *w++;
            total[v] = v_all(0);
        }
        for (long k = columns->offsets[c] + 1; k <= columns->offsets[c + 1]; k++)
            for (long v = 0; v < FM_PANEL_VECTORS; v++, to++) {
                *to = total[v];
                if (k < columns->offsets[c + 1])
                    total[v] += *w++;
            }
    }
}

/* Columns are taken some at a time, so that their part of a panel stays in the second-level cache for all rows. */
#define FM_LOOKED_UP_BYTES (96 * 1024)
static void FM(columns)(const fm_lookups *x, const fm_matrix *b, const void *bin_sums, const fm_rows *c,
                        const fm_after *after) {
    const fm_columns *columns = x->columns;
    const int32_t *offsets = columns->offsets;
    const long rows = x->rows, stride = x->stride, all = columns->columns, numbers = columns->numbers;
    for (long panel = 0; panel * FM_PANEL < c->width; panel++) {
        const FM_REAL *w = (const FM_REAL *)b->at + panel * b->panel_rows * FM_PANEL;
        const FM_REAL *sums_of_bins = (const FM_REAL *)bin_sums + panel * FM(sums_of_panel)(columns) * FM_PANEL;
        const FM_REAL *bias = w + b->depth * FM_PANEL;
        FM_REAL *to = (FM_REAL *)c->at + panel * c->stride * FM_PANEL;
        for (long first = 0, end; first < all; first = end) {
            end = first + 1;
            while (end < all && (long)(offsets[end + 1] - offsets[first]) * FM_PANEL_BYTES <= FM_LOOKED_UP_BYTES)
                end++;
            const long end_numbers = end < numbers ? end : numbers;
            for (long r = 0; r < rows; r++) {
                vec *at = (vec *)(to + r * FM_PANEL);
                vec sums[FM_PANEL_BYTES / FM_VECTOR_BYTES];
                for (long v = 0; v < FM_PANEL_VECTORS; v++)
                    sums[v] = first ? at[v] : b->biased ? ((const vec *)bias)[v] : v_all(0);
                long k = first;
                for (; k < end_numbers; k++) {
                    const vec *bin = (const vec *)(sums_of_bins + (x->inputs[k * stride + r] + k) * FM_PANEL);
                    const vec share = v_all(((const FM_REAL *)x->shares)[k * stride + r]), rest = 1 - share;
                    for (long v = 0; v < FM_PANEL_VECTORS; v++)
                        sums[v] += rest * bin[v] + share * bin[FM_PANEL_VECTORS + v];
                }
                for (; k < end; k++) {
                    const vec *weights = (const vec *)(w + x->inputs[k * stride + r] * (long)FM_PANEL);
                    for (long v = 0; v < FM_PANEL_VECTORS; v++)
                        sums[v] += weights[v];
                }
                memcpy(at, sums, sizeof sums);
            }
        }
        FM(finish_rows)(after, panel, rows, c->at, panel * c->stride * FM_PANEL);
    }
}

/* Sorts rows by their inputs, which begin with first. ends[k] becomes the place behind the rows of input k. */
FM_INLINE void FM(sort_rows)(const int32_t *inputs, long rows, int32_t first, long width, int32_t *ends,
                             int32_t *sorted) {
    memset(ends, 0, (size_t)width * sizeof *ends);
    for (long r = 0; r < rows; r++)
        ends[inputs[r] - first]++;
    for (long k = 0, total = 0; k < width; k++) {
        const int32_t n = ends[k];
        ends[k] = (int32_t)total;
        total += n;
    }
    for (long r = 0; r < rows; r++)
        sorted[ends[inputs[r] - first]++] = (int32_t)r;
}

/* Adds the deltas of rows to sums, and their shares of them to parts unless there are no shares. */
FM_INLINE void FM(sum_sorted)(const int32_t *sorted, long n, const FM_REAL *deltas, const FM_REAL *shares, vec *sums,
                              vec *parts) {
    for (long i = 0; i < n; i++) {
        const vec *d = (const vec *)(deltas + sorted[i] * (long)FM_PANEL);
        const vec share = v_all(shares ? shares[sorted[i]] : 0);
        for (long v = 0; v < FM_PANEL_VECTORS; v++) {
            sums[v] += d[v];
            if (shares)
                parts[v] += share * d[v];
        }
    }
}

/* Sums the gradient of the inputs [low, high) of column c, for one panel, onto what the rows of to start from. */
static void FM(sum_column)(const fm_lookups *x, long c, long low, long high, const int32_t *ends, const int32_t *sorted,
                           const FM_REAL *deltas, int carries, FM_REAL *to) {
    const long first = x->columns->offsets[c], end = x->columns->offsets[c + 1];
    const int is_number = c < x->columns->numbers;
    const FM_REAL *shares = (const FM_REAL *)x->shares + c * x->stride;
    vec above[FM_PANEL_BYTES / FM_VECTOR_BYTES] = {{0}};
    /* Each input of a number has the sums of all inputs above it. */
    for (long k = is_number ? end - 1 : high - 1; k >= low; k--) {
        vec sums[FM_PANEL_BYTES / FM_VECTOR_BYTES] = {{0}}, parts[FM_PANEL_BYTES / FM_VECTOR_BYTES] = {{0}};
        const int32_t start = k == first ? 0 : ends[k - first - 1];
        const int is_bin = is_number && k > first;
        if (is_bin)
            FM(sum_sorted)(sorted + start, ends[k - first] - start, deltas, shares, sums, parts);
        else
            FM(sum_sorted)(sorted + start, ends[k - first] - start, deltas, NULL, sums, parts);
        if (k < high)
            for (long v = 0; v < FM_PANEL_VECTORS; v++) {
                vec *at = (vec *)(to + k * FM_PANEL) + v;
                const vec gradient = is_bin ? parts[v] + above[v] : sums[v];
                *at = carries ? *at + gradient : gradient;
            }
        for (long v = 0; v < FM_PANEL_VECTORS; v++)
            above[v] += sums[v];
    }
}

static void FM(update_columns)(const fm_strips *strips, const fm_lookups *x, int32_t *scratch, const fm_rows *deltas) {
    const fm_layer *layer = strips->layer;
    const fm_step *step = strips->step;
    const int32_t *offsets = x->columns->offsets;
    const long first = strips->first * FM_STRIP, last = FM(last_input)(strips), rows = deltas->rows;
    int32_t *sorted = scratch, *ends = scratch + rows;
    long done = first;
    for (long c = 0; c < x->columns->columns && offsets[c] < last; c++) {
        if (offsets[c + 1] <= first)
            continue;
        const long low = offsets[c] > first ? offsets[c] : first, high = offsets[c + 1] < last ? offsets[c + 1] : last;
        const long whole = high == last ? last : high / FM_STRIP * FM_STRIP;
        FM(sort_rows)(x->inputs + c * x->stride, rows, offsets[c], offsets[c + 1] - offsets[c], ends, sorted);
        for (long panel = strips->panel; panel < strips->panel_end; panel++) {
            FM_REAL *sums = (FM_REAL *)layer->sums + FM(place)(layer, panel, 0);
            FM(sum_column)(x, c, low, high, ends, sorted,
                           (const FM_REAL *)deltas->at + panel * deltas->stride * FM_PANEL, !step->first, sums);
            if (step->last && done < whole)
                FM(finish)(strips, panel, done, whole - done, sums + done * FM_PANEL);
        }
        done = whole > done ? whole : done;
    }
    if (last == layer->inputs)
        for (long panel = strips->panel; panel < strips->panel_end; panel++)
            FM(update_biases)(strips, panel, deltas);
}
