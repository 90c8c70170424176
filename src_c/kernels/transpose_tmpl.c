/* This file makes the transposed copy of weights, which the way back multiplies by. */

/* Transposes eight rows of eight columns in registers, where a vector holds eight elements. Element by element this
 * would cost a quarter of a weight update. */
#define FM_OCTETS (FM_VECTOR_BYTES >= FM_STRIP * FM_BITS / 8)
#if FM_OCTETS
typedef FM_REAL FM(octet) __attribute__((vector_size(FM_STRIP * FM_BITS / 8), may_alias));
typedef FM_INT FM(octet_lanes) __attribute__((vector_size(FM_STRIP * FM_BITS / 8)));
#if defined(__clang__)
#define FM_PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else /* GCC has __builtin_shufflevector from version 12 on */
#define FM_PICK(a, b, ...) __builtin_shuffle(a, b, (FM(octet_lanes)){__VA_ARGS__})
#endif

FM_INLINE void FM(transpose_octets)(const FM_REAL *from, FM_REAL *to) {
    FM(octet) a[FM_STRIP], b[FM_STRIP];
    for (int r = 0; r < FM_STRIP; r++)
        a[r] = *(const FM(octet) *)(from + r * FM_PANEL);
    for (int r = 0; r < FM_STRIP; r += 2) {
        b[r] = FM_PICK(a[r], a[r + 1], 0, 8, 2, 10, 4, 12, 6, 14);
        b[r + 1] = FM_PICK(a[r], a[r + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
    for (int r = 0; r < FM_STRIP; r += 4)
        for (int k = r; k < r + 2; k++) {
            a[k] = FM_PICK(b[k], b[k + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            a[k + 2] = FM_PICK(b[k], b[k + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    for (int k = 0; k < 4; k++) {
        *(FM(octet) *)(to + k * FM_PANEL) = FM_PICK(a[k], a[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        *(FM(octet) *)(to + (k + 4) * FM_PANEL) = FM_PICK(a[k], a[k + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}
#undef FM_PICK
#endif

/* Copies rows of one panel of weights into their columns of the transposed copy. */
FM_INLINE void FM(transpose)(const FM_REAL *weights, long row, long rows, long panel, long outputs,
                             FM_REAL *transposed) {
    const long first = panel * FM_PANEL, columns = outputs - first < FM_PANEL ? outputs - first : FM_PANEL;
    FM_REAL *to = transposed + (row / FM_PANEL * outputs + first) * FM_PANEL + row % FM_PANEL;
    long rows_done = 0, columns_done = 0;
#if FM_OCTETS
    rows_done = rows / FM_STRIP * FM_STRIP;
    columns_done = columns / FM_STRIP * FM_STRIP;
    for (long c = 0; c < columns_done; c += FM_STRIP)
        for (long r = 0; r < rows_done; r += FM_STRIP)
            FM(transpose_octets)(weights + r * FM_PANEL + c, to + c * FM_PANEL + r);
#endif
    for (long c = 0; c < columns; c++)
        for (long r = c < columns_done ? rows_done : 0; r < rows; r++)
            to[c * FM_PANEL + r] = weights[r * FM_PANEL + c];
}

static void FM(pack_transposed)(const void *weights, long inputs, long outputs, void *transposed) {
    for (long panel = 0; panel * FM_PANEL < outputs; panel++) {
        const FM_REAL *w = (const FM_REAL *)weights + panel * (inputs + 1) * FM_PANEL;
        for (long row = 0; row < inputs; row += FM_PANEL)
            FM(transpose)(w + row * FM_PANEL, row, inputs - row < FM_PANEL ? inputs - row : FM_PANEL, panel, outputs,
                          transposed);
    }
}
