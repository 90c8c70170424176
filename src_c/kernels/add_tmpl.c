/* This file has the sum of two sets of rows in panels, such as a residual layer makes. */

/* Rows of a panel follow one another, so that all rows of a panel are one run of vectors. */
static void FM(add)(const fm_rows *rows, const void *other, void *to) {
    const long vectors = rows->rows * FM_PANEL_VECTORS, width = rows->width, step = rows->stride * FM_PANEL_VECTORS;
    const vec *a = rows->at, *b = other;
    vec *sum = to;
    for (long column = 0; column < width; column += FM_PANEL, a += step, b += step, sum += step)
        for (long i = 0; i < vectors; i++)
            sum[i] = a[i] + b[i];
}
