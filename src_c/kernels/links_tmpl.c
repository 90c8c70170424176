/* This file has the links, which make predictions of the output layer's pre-activations, in place. */

FM_INLINE void FM(logistic_columns)(columns_t *columns, long outputs) {
    for (long j = 0; j < outputs; j++)
        for (long v = 0; v < FM_FEW_ROWS / FM_LANES; v++)
            *FM(column)(columns, j, v) = v_logistic(*FM(column)(columns, j, v));
}

FM_INLINE void FM(softmax_columns)(columns_t *columns, long outputs) {
    for (long v = 0; v < FM_FEW_ROWS / FM_LANES; v++) {
        vec top = *FM(column)(columns, 0, v), sum = v_all(0);
        for (long j = 1; j < outputs; j++) {
            const vec x = *FM(column)(columns, j, v);
            top = v_select(x > top, x, top);
        }
        for (long j = 0; j < outputs; j++)
            sum += *FM(column)(columns, j, v) = v_exp(*FM(column)(columns, j, v) - top);
        for (long j = 0; j < outputs; j++)
            *FM(column)(columns, j, v) /= sum;
    }
}

/* Applies a link to rows of few outputs; returns 0, and does nothing, where the outputs are many. */
FM_INLINE int FM(link_few)(void (*link)(columns_t *columns, long outputs), const fm_rows *z) {
    const long rows = z->rows, outputs = z->width;
    if (outputs > FM_FEW)
        return 0;
    for (long r = 0; r < rows; r += FM_FEW_ROWS) {
        columns_t columns;
        const long n = FM(few_rows)(rows, r);
        FM(to_columns)(FM_ROW(z->at, 0, 0, r), n, outputs, &columns);
        link(&columns, outputs);
        FM(from_columns)(&columns, n, outputs, FM_ROW(z->at, 0, 0, r));
    }
    return 1;
}

static void FM(link_identity)(const fm_rows *z) {
    (void)z;
}

static void FM(link_logistic)(const fm_rows *z) {
    if (FM(link_few)(FM(logistic_columns), z))
        return;
    for (long r = 0; r < z->rows; r++)
        FM_EACH_VECTOR (at, z, r)
            *at = v_logistic(*at);
}

static void FM(link_exp)(const fm_rows *z) {
    for (long r = 0; r < z->rows; r++)
        FM_EACH_VECTOR (at, z, r)
            *at = v_exp(*at);
}

/* Makes softmax of a row, and returns the logarithm of the sum of its exponentials. */
FM_INLINE double FM(softmax_row)(const fm_rows *z, long r) {
    const long outputs = z->width;
    FM_REAL top = *FM(output)(z, r, 0), sum = 0;
    for (long j = 1; j < outputs; j++) {
        const FM_REAL x = *FM(output)(z, r, j);
        top = x > top ? x : top;
    }
    FM_EACH_VECTOR (at, z, r)
        *at = v_exp(*at - top);
    for (long j = 0; j < outputs; j++)
        sum += *FM(output)(z, r, j);
    FM_EACH_VECTOR (at, z, r)
        *at /= sum;
    return top + log((double)sum);
}

static void FM(link_softmax)(const fm_rows *z) {
    if (FM(link_few)(FM(softmax_columns), z))
        return;
    for (long r = 0; r < z->rows; r++)
        FM(softmax_row)(z, r);
}
