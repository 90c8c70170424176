/* This file has the layers' products. */

/* Does what comes after a product, on rows of one panel of c; offset is the first of these elements. */
FM_INLINE void FM(finish_rows)(const fm_after *after, long panel, long rows, void *c, long offset) {
    FM_REAL *at = (FM_REAL *)c + offset;
    FM_REAL *parameter_slopes = after->parameter_slopes ? (FM_REAL *)after->parameter_slopes + offset : NULL;
    if (after->activate)
        after->activate(rows, at, after->slopes ? (FM_REAL *)after->slopes + offset : NULL, parameter_slopes,
                        after->parameters ? (const char *)after->parameters + panel * after->parameters_step : NULL,
                        after->parameter);
    else if (after->derivative)
        after->derivative(rows, (const FM_REAL *)after->at + offset, at, parameter_slopes, after->parameter);
}

#if FM_SHORT
/* Computes a product of so small a depth that a panel of b stays in registers while rows go by. In tiles each sum would
 * take longer to start and to store than to make. The sums are the same as those of tiles. */
FM_INLINE void FM(short_rows)(const int depth, const int vectors, const int then, long rows, const FM_REAL *a,
                              const FM_REAL *b, const FM_REAL *start, const FM_REAL *at, FM_REAL *c) {
    vec kept[FM_SHORT][2], first[2];
    for (int v = 0; v < vectors; v++) {
        first[v] = start ? ((const vec *)start)[v] : v_all(0);
        for (int k = 0; k < depth; k++)
            kept[k][v] = ((const vec *)(b + k * FM_PANEL))[v];
    }
    for (long r = 0; r < rows; r++, a += FM_PANEL, at += FM_PANEL, c += FM_PANEL) {
        vec sum[2] = {first[0], first[vectors - 1]};
#pragma GCC unroll 12
        for (int k = 0; k < depth; k++) {
            const vec x = v_all(a[k]);
            for (int v = 0; v < vectors; v++)
                sum[v] += x * kept[k][v];
        }
        for (int v = 0; v < vectors; v++)
            ((vec *)c)[v] = FM(taken_along)(then, sum[v], (const vec *)at + v);
    }
}

/* So many rows are computed at a time, so that what comes after finds them in the first-level cache. */
#define FM_SHORT_ROWS 64
static void FM(dense_short)(const fm_rows *a, const fm_matrix *b, const fm_rows *c, const fm_after *after) {
    const int then = FM(then_of)(after);
    const long rows = c->rows, outputs = c->width, depth = b->depth;
    const FM_REAL *a_rows = a->at, *b_panel = b->at;
    for (long panel = 0; panel * FM_PANEL < outputs; panel++, b_panel += b->panel_rows * FM_PANEL) {
        const int wide = FM(vectors_in_panel)(outputs - panel * FM_PANEL) > 1;
        const FM_REAL *start = b->biased ? b_panel + depth * FM_PANEL : NULL;
        for (long row = 0; row < rows; row += FM_SHORT_ROWS) {
            const long n = rows - row < FM_SHORT_ROWS ? rows - row : FM_SHORT_ROWS;
            const long offset = (panel * c->stride + row) * FM_PANEL;
            const FM_REAL *at = then == FM_RELU_DELTA ? (const FM_REAL *)after->at + offset : c->at;
#define FM_ROWS(deep, vectors, then)                                                                               \
    FM(short_rows)(deep, vectors, then, n, a_rows + row * FM_PANEL, b_panel, start, at, (FM_REAL *)c->at + offset)
#define FM_BODY(deep, vectors)                 \
    if (then == FM_RELU)                       \
        FM_ROWS(deep, vectors, FM_RELU);       \
    else if (then == FM_RELU_DELTA)            \
        FM_ROWS(deep, vectors, FM_RELU_DELTA); \
    else                                       \
        FM_ROWS(deep, vectors, FM_AS_IT_IS)
            FM_CASES(depth, FM_SHORT, wide, FM_BODY)
#undef FM_BODY
#undef FM_ROWS
            if (then == FM_AS_IT_IS)
                FM(finish_rows)(after, panel, n, c->at, offset);
        }
    }
}
#endif

/* Computes rows [from, to) of a product in tiles; the rows are shared out evenly among as few tiles as they need. Long
 * sums are taken in parts, where c holds what has been summed so far, so that a part of b stays in the first-level
 * cache for all rows. */
#define FM_DEPTH_PART 192
FM_INLINE void FM(dense_rows)(long from, long to, const fm_rows *a, const fm_matrix *b, const fm_rows *c,
                              const fm_after *after) {
    const long outputs = c->width, depth = b->depth, a_stride = a->stride, c_stride = c->stride;
    const long rows = to - from, tiles = (rows + FM_FORWARD_ROWS - 1) / FM_FORWARD_ROWS;
    const long parts = depth > FM_DEPTH_PART ? (depth + FM_DEPTH_PART - 1) / FM_DEPTH_PART : 1;
    const long blocks = (depth + FM_PANEL - 1) / FM_PANEL;
    /* All tiles together ask for the part of b that comes next, and each of them for the rows of c that it will
     * write. */
    const long read_step = tiles ? (2 * FM_PANEL + tiles - 1) / tiles : 0;
    const int then = FM(then_of)(after);
    for (long panel = 0; panel * FM_PANEL < outputs; panel++) {
        const FM_REAL *b_panel = (const FM_REAL *)b->at + panel * b->panel_rows * FM_PANEL;
        const FM_REAL *bias = b->biased ? b_panel + depth * FM_PANEL : NULL;
        const long vectors = FM(vectors_in_panel)(outputs - panel * FM_PANEL);
        for (long part = 0, first = 0, length; part < parts; part++, first += length) {
            const long next = blocks * (part + 1) / parts * FM_PANEL;
            length = (next < depth ? next : depth) - first;
            const long write_step = length ? 2 * FM_FORWARD_ROWS * FM_PANEL / length : 0;
            const FM_REAL *a_part = (const FM_REAL *)a->at + first / FM_PANEL * a_stride * FM_PANEL;
            const FM_REAL *b_part = b_panel + first * FM_PANEL;
            for (long v = 0; v < vectors; v += 2)
                for (long t = 0, row = from; t < tiles; t++) {
                    const long end = from + rows * (t + 1) / tiles, offset = (panel * c_stride + row) * FM_PANEL;
                    FM_REAL *c_tile = (FM_REAL *)c->at + offset + v * FM_LANES;
                    const ahead_t ahead = {b_part + length * FM_PANEL + t * (length / 2) * read_step, c_tile, read_step,
                                           write_step};
                    const FM_REAL *start = part ? c_tile : bias ? bias + v * FM_LANES : NULL;
                    const int then_now = part == parts - 1 ? then : FM_AS_IT_IS;
                    const FM_REAL *at =
                        then_now == FM_RELU_DELTA ? (const FM_REAL *)after->at + offset + v * FM_LANES : c_tile;
                    FM(dense_tile)((int)(end - row), vectors - v > 1, length, a_part + row * FM_PANEL,
                                   a_stride * FM_PANEL, b_part + v * FM_LANES, start, part ? FM_PANEL : 0, c_tile,
                                   then_now, at, ahead);
                    if (then == FM_AS_IT_IS && part == parts - 1 && v + 2 >= vectors)
                        FM(finish_rows)(after, panel, end - row, c->at, offset);
                    row = end;
                }
        }
    }
}

/* All of b goes over so many rows at a time that those stay in the second-level cache meanwhile, even where another
 * process takes a part of that cache. */
#define FM_ROWS_BYTES (512 * 1024)
static void FM(dense)(const fm_rows *a, const fm_matrix *b, const fm_rows *c, const fm_after *after) {
    const long rows = c->rows, depth = b->depth;
#if FM_HAS_NARROW
    if (c->width <= FM_NARROW) {
        const FM_REAL *last_row = b->biased ? (const FM_REAL *)b->at + depth * FM_PANEL : NULL;
#define FM_BODY(n) FM(dense_narrow)(n, rows, depth, a->at, a->stride, b->at, NULL, last_row, c->at)
        FM_NARROW_CASES(c->width, FM_BODY)
#undef FM_BODY
        FM(finish_rows)(after, 0, rows, c->at, 0);
        return;
    }
#endif
#if FM_SHORT
    if (0 < depth && depth <= FM_SHORT) {
        FM(dense_short)(a, b, c, after);
        return;
    }
#endif
    const long bytes = rows * depth * (long)sizeof(FM_REAL);
    const long parts = bytes > FM_ROWS_BYTES ? (bytes + FM_ROWS_BYTES - 1) / FM_ROWS_BYTES : 1;
    for (long part = 0, row = 0; part < parts; part++) {
        const long end = rows * (part + 1) / parts;
        FM(dense_rows)(row, end, a, b, c, after);
        row = end;
    }
}
