/* This file has the first layer on compressed sparse rows. Terms are added in the order of the dense product, and those
 * that are left out are zeros, so that the results are those of the same rows given dense. */

/* Returns stored element k of a CSR matrix, which is in row r of those at hand, scaled and dropped as training sees
 * it. */
FM_INLINE FM_REAL FM(element)(const fm_csr *x, long r, int64_t k) {
    FM_REAL value = ((const FM_REAL *)x->data)[k];
    if (x->scale)
        value *= ((const FM_REAL *)x->scale)[x->indices[k]];
    if (x->mask)
        value *= FM(share_of_mask)(x->mask, FM(key_of_row)(x->mask, r), (uint32_t)x->indices[k])[0];
    return value;
}

#if FM_HAS_NARROW
/* Computes the product of a narrow layer, whose sums have an order of their own. */
static void FM(sparse_narrow)(const fm_csr *x, const fm_matrix *b, const fm_rows *out) {
    const long outputs = out->width;
    const FM_REAL *w = b->at;
    FM_REAL *c = out->at;
    for (long r = 0; r < out->rows; r++, c += FM_PANEL) {
        const int64_t sample = x->order ? x->order[r] : r;
        FM_REAL partial[FM_NARROW][FM_LANES] = {{0}};
        for (int64_t k = x->indptr[sample]; k < x->indptr[sample + 1]; k++) {
            const FM_REAL value = FM(element)(x, r, k);
            for (long j = 0; j < outputs; j++)
                partial[j][x->indices[k] % FM_LANES] += value * w[x->indices[k] * (long)FM_PANEL + j];
        }
        *(vec *)c = v_all(0);
        for (long j = 0; j < outputs; j++)
            c[j] = FM(narrow_sum)(partial[j], b->biased ? w[b->depth * FM_PANEL + j] : 0);
    }
}
#endif

static void FM(sparse)(const fm_csr *x, const fm_matrix *b, const fm_rows *c, const fm_after *after) {
#if FM_HAS_NARROW
    if (c->width <= FM_NARROW) {
        FM(sparse_narrow)(x, b, c);
        FM(finish_rows)(after, 0, c->rows, c->at, 0);
        return;
    }
#endif
    const long rows = c->rows, stride = c->stride, depth = b->depth;
    for (long panel = 0; panel * FM_PANEL < c->width; panel++) {
        const FM_REAL *w = (const FM_REAL *)b->at + panel * b->panel_rows * FM_PANEL;
        for (long r = 0; r < rows; r++) {
            const int64_t sample = x->order ? x->order[r] : r;
            vec sums[FM_PANEL_BYTES / FM_VECTOR_BYTES];
            for (long v = 0; v < FM_PANEL_VECTORS; v++)
                sums[v] = b->biased ? ((const vec *)(w + depth * FM_PANEL))[v] : v_all(0);
            for (int64_t k = x->indptr[sample]; k < x->indptr[sample + 1]; k++) {
                const vec value = v_all(FM(element)(x, r, k));
                for (long v = 0; v < FM_PANEL_VECTORS; v++)
                    sums[v] += value * ((const vec *)(w + x->indices[k] * (long)FM_PANEL))[v];
            }
            memcpy((FM_REAL *)c->at + (panel * stride + r) * FM_PANEL, sums, sizeof sums);
        }
        FM(finish_rows)(after, panel, rows, c->at, panel * stride * FM_PANEL);
    }
}

/* Inputs are taken some at a time, so that their sums fit the first-level cache. Each row of the batch keeps a cursor
 * into its elements, so that a whole pass over the inputs reads every element once. */
#define FM_SPARSE_BLOCK (16 * FM_STRIP)

static int64_t FM(first_at_least)(const int32_t *indices, int64_t low, int64_t high, long column) {
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (indices[middle] < column)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void FM(update_sparse)(const fm_strips *strips, const fm_csr *x, int64_t *cursor, const fm_rows *deltas) {
    const fm_layer *layer = strips->layer;
    const long panel = strips->panel, first = strips->first * FM_STRIP, last = FM(last_input)(strips),
               rows = deltas->rows;
    const FM_REAL *d = (const FM_REAL *)deltas->at + panel * deltas->stride * FM_PANEL;
    vec sums[FM_SPARSE_BLOCK * FM_PANEL_BYTES / FM_VECTOR_BYTES];
    for (long r = 0; r < rows; r++) {
        const int64_t sample = x->order ? x->order[r] : r;
        cursor[r] = FM(first_at_least)(x->indices, x->indptr[sample], x->indptr[sample + 1], first);
    }
    for (long block = first; block < last; block += FM_SPARSE_BLOCK) {
        const long end = block + FM_SPARSE_BLOCK < last ? block + FM_SPARSE_BLOCK : last;
        const FM_REAL *start = FM(start_of)(layer, panel, block, strips->step);
        if (start)
            memcpy(sums, start, (size_t)((end - block) * FM_PANEL) * sizeof(FM_REAL));
        else
            memset(sums, 0, sizeof sums);
        for (long r = 0; r < rows; r++) {
            const int64_t sample = x->order ? x->order[r] : r, stop = x->indptr[sample + 1];
            int64_t k = cursor[r];
            for (; k < stop && x->indices[k] < end; k++) {
                vec *sum = sums + (x->indices[k] - block) * FM_PANEL_VECTORS;
                const vec value = v_all(FM(element)(x, r, k));
                for (long v = 0; v < FM_PANEL_VECTORS; v++)
                    sum[v] += value * ((const vec *)(d + r * FM_PANEL))[v];
            }
            cursor[r] = k;
        }
        FM(finish)(strips, panel, block, end - block, (FM_REAL *)sums);
    }
    if (last == layer->inputs)
        FM(update_biases)(strips, panel, deltas);
}
