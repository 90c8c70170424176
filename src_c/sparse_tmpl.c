/* The first layer on compressed sparse rows. Terms are added in the dense order, and the terms left out are zeros, so the
 * results are those of the same rows given dense. */
#if FM_VECTOR_BYTES == 64
/* For few outputs, whose sums have an order of their own. */
static void FM(sparse_narrow)(long rows, long outputs, long inputs, const fm_csr *x, const FM_REAL *w, int biased,
                              FM_REAL *c) {
    for (long r = 0; r < rows; r++, c += FM_PANEL) {
        const int64_t sample = x->order ? x->order[r] : r;
        FM_REAL partial[FM_NARROW][FM_LANES] = {{0}};
        for (int64_t k = x->indptr[sample]; k < x->indptr[sample + 1]; k++) {
            const FM_REAL value = FM(element)(x, r, k);
            for (long j = 0; j < outputs; j++)
                partial[j][x->indices[k] % FM_LANES] += value * w[x->indices[k] * (long)FM_PANEL + j];
        }
        *(vec *)c = v_all(0);
        for (long j = 0; j < outputs; j++)
            c[j] = FM(narrow_sum)(partial[j], biased ? w[inputs * FM_PANEL + j] : 0);
    }
}
#endif

static void FM(sparse)(long rows, long outputs, long inputs, const fm_csr *x, const void *weights, int biased, void *c,
                       long c_stride, const fm_after *after) {
#if FM_VECTOR_BYTES == 64
    if (outputs <= FM_NARROW) {
        FM(sparse_narrow)(rows, outputs, inputs, x, weights, biased, c);
        FM(finish_rows)(after, 0, rows, c, 0);
        return;
    }
#endif
    for (long panel = 0; panel * FM_PANEL < outputs; panel++) {
        const FM_REAL *w = (const FM_REAL *)weights + panel * (inputs + 1) * FM_PANEL;
        for (long r = 0; r < rows; r++) {
            const int64_t sample = x->order ? x->order[r] : r;
            vec sums[FM_PANEL_BYTES / FM_VECTOR_BYTES];
            for (long v = 0; v < FM_PANEL_VECTORS; v++)
                sums[v] = biased ? ((const vec *)(w + inputs * FM_PANEL))[v] : v_all(0);
            for (int64_t k = x->indptr[sample]; k < x->indptr[sample + 1]; k++) {
                const vec value = v_all(FM(element)(x, r, k));
                for (long v = 0; v < FM_PANEL_VECTORS; v++)
                    sums[v] += value * ((const vec *)(w + x->indices[k] * (long)FM_PANEL))[v];
            }
            memcpy((FM_REAL *)c + (panel * c_stride + r) * FM_PANEL, sums, sizeof sums);
        }
        FM(finish_rows)(after, panel, rows, c, panel * c_stride * FM_PANEL);
    }
}

/* Inputs are taken in blocks whose gradient sums fit the first-level cache; each batch row keeps a cursor into its
 * elements, so that a whole pass over the blocks reads every element once. */
#define FM_SPARSE_BLOCK (16 * FM_UNIT)

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

static void FM(update_sparse)(const fm_layer *layer, long panel, long from, long to, long rows, const fm_csr *x,
                              int64_t *cursor, const void *deltas, long d_stride, const fm_step *step,
                              double *squares) {
    const FM_REAL *d = (const FM_REAL *)deltas + panel * d_stride * FM_PANEL;
    vec sums[FM_SPARSE_BLOCK * FM_PANEL_BYTES / FM_VECTOR_BYTES];
    for (long r = 0; r < rows; r++) {
        const int64_t sample = x->order ? x->order[r] : r;
        cursor[r] = FM(first_at_least)(x->indices, x->indptr[sample], x->indptr[sample + 1], from * FM_UNIT);
    }
    const long last = to * FM_UNIT < layer->inputs ? to * FM_UNIT : layer->inputs;
    for (long block = from * FM_UNIT; block < last; block += FM_SPARSE_BLOCK) {
        const long end = block + FM_SPARSE_BLOCK < last ? block + FM_SPARSE_BLOCK : last;
        const FM_REAL *start = FM(start_of)(layer, panel, block, step);
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
        FM(finish)(layer, panel, block, end - block, (FM_REAL *)sums, step, squares);
    }
    if (last == layer->inputs)
        FM(update_biases)(layer, panel, rows, deltas, d_stride, step);
}
