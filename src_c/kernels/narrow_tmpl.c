/* This file has products and gradients of narrow layers. A panel of so few outputs leaves most of a vector empty; where
 * that matters, another dimension runs along the vectors. */

/* Calls body(n) with a constant. */
#define FM_NARROW_CASES(n, body) \
    switch (n) {                 \
    case 1:                      \
        body(1);                 \
        break;                   \
    case 2:                      \
        body(2);                 \
        break;                   \
    case 3:                      \
        body(3);                 \
        break;                   \
    case 4:                      \
        body(4);                 \
        break;                   \
    }

#if FM_HAS_NARROW
/* Adds up the partial sums of one output. This is the order of all narrow sums: term k goes to partial sum k %
 * FM_LANES, these are added as in sums_of_lanes(), and the bias comes last. */
FM_INLINE FM_REAL FM(narrow_sum)(FM_REAL *partial, FM_REAL bias) {
    for (long s = FM_LANES / 2; s >= 1; s /= 2)
        for (long i = 0; i < s; i++)
            partial[i] += partial[i + s];
    return partial[0] + bias;
}

/* Multiplies rows of a matrix in panels with turned weights. With more, this goes on top of sums. The inner index ends
 * within the last vector, where lanes are there. Turned weights lie as a transposed copy does: in each panel of the
 * inner index they have one row per output. */
FM_INLINE void FM(narrow_rows)(const int rows, const int outputs, int more, long vectors, ivec there, const FM_REAL *a,
                               long block_step, const vec *turned, vec *sums) {
    vec sum[4][FM_NARROW];
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < outputs; j++)
            sum[i][j] = more ? sums[j * FM_LANES + i] : v_all(0);
    for (long v = 0; v < vectors; v++) {
        const FM_REAL *at = a + v / FM_PANEL_VECTORS * block_step + v % FM_PANEL_VECTORS * FM_LANES;
#pragma GCC unroll 4
        for (int i = 0; i < rows; i++) {
            vec x = *(const vec *)(at + i * FM_PANEL);
            if (v == vectors - 1)
                x = v_select(there, x, v_all(0));
#pragma GCC unroll 4
            for (int j = 0; j < outputs; j++)
                sum[i][j] += x * turned[(v / FM_PANEL_VECTORS * outputs + j) * FM_PANEL_VECTORS + v % FM_PANEL_VECTORS];
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < outputs; j++)
            sums[j * FM_LANES + i] = sum[i][j];
}

/* Writes rows of c from their partial sums, of which there are FM_LANES vectors for each output. */
FM_INLINE void FM(narrow_out)(const int outputs, long rows, vec sums[][FM_LANES], const FM_REAL *bias, FM_REAL *c) {
    vec out[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++)
        out[j] = j < outputs ? FM(sums_of_lanes)(sums[j]) + v_all(bias ? bias[j] : 0) : v_all(0);
    FM(fours_from_columns)(out, rows, c);
}

/* Does what dense() does for one panel of few outputs, with the inner index along the vectors. turned is b where it
 * lies turned already; otherwise it is NULL, and b is turned here, part by part. */
#define FM_NARROW_PART (32 * FM_PANEL)
FM_INLINE void FM(dense_narrow)(const int outputs, long rows, long depth, const FM_REAL *a, long a_stride,
                                const FM_REAL *b, const FM_REAL *turned, const FM_REAL *bias, FM_REAL *c) {
    vec scratch[FM_NARROW * FM_NARROW_PART * sizeof(FM_REAL) / FM_VECTOR_BYTES], sums[FM_NARROW][FM_LANES];
    long in_scratch = -1;
    for (long r = 0; r < rows; r += FM_LANES) {
        const long n = rows - r < FM_LANES ? rows - r : FM_LANES;
        if (!depth)
            memset(sums, 0, sizeof sums);
        for (long first = 0; first < depth; first += FM_NARROW_PART) {
            const long length = depth - first < FM_NARROW_PART ? depth - first : FM_NARROW_PART;
            const long vectors = (length + FM_LANES - 1) / FM_LANES;
            const ivec there = v_lane_numbers() < (FM_INT)(length - (vectors - 1) * FM_LANES);
            const FM_REAL *at = a + (first / FM_PANEL * a_stride + r) * FM_PANEL;
            const vec *part = turned ? (const vec *)(turned + first * outputs) : scratch;
            if (!turned && in_scratch != first) {
                in_scratch = first;
                const long last = (length - 1) / FM_PANEL * outputs * FM_PANEL;
                memset((FM_REAL *)scratch + last, 0, (size_t)outputs * FM_PANEL_BYTES);
                for (long k = 0; k < length; k++)
                    for (int j = 0; j < outputs; j++)
                        ((FM_REAL *)scratch)[(k / FM_PANEL * outputs + j) * FM_PANEL + k % FM_PANEL] =
                            b[(first + k) * FM_PANEL + j];
            }
            long i = 0;
#define FM_ROWS_FROM_I(rows) \
    FM(narrow_rows)(rows, outputs, first > 0, vectors, there, at + i * FM_PANEL, a_stride * FM_PANEL, part, sums[0] + i)
            for (; i + 4 <= n; i += 4)
                FM_ROWS_FROM_I(4);
            for (; i < n; i++)
                FM_ROWS_FROM_I(1);
#undef FM_ROWS_FROM_I
        }
        FM(narrow_out)(outputs, n, sums, bias, c + r * FM_PANEL);
    }
}

static void FM(dense_turned)(const fm_rows *a, const fm_layer *layer, void *c) {
    const FM_REAL *turned = layer->weights, *biases = turned + FM(place)(layer, 0, layer->inputs);
#define FM_BODY(n) FM(dense_narrow)(n, a->rows, layer->inputs, a->at, a->stride, NULL, turned, biases, c)
    FM_NARROW_CASES(layer->outputs, FM_BODY)
#undef FM_BODY
}

#endif

/* Sums the gradient of a narrow layer, for which a tile would multiply padding: the inputs run along the vectors, two
 * vectors of each of so many panels that lie a_step apart. Each sum has the same terms in the same order as in a tile.
 * The sums of one panel follow those of another. */
FM_INLINE void FM(narrow_tile)(const int outputs, const int panels, long depth, const FM_REAL *a, long a_step,
                               const FM_REAL *d, vec *sums) {
    vec sum[2][FM_NARROW][2];
    for (int p = 0; p < panels; p++)
        for (int j = 0; j < outputs; j++)
            for (int v = 0; v < 2; v++)
                sum[p][j][v] = sums[(p * outputs + j) * FM_PANEL_VECTORS + v];
    for (long k = 0; k < depth; k++, a += FM_PANEL, d += FM_PANEL)
        for (int j = 0; j < outputs; j++)
            for (int p = 0; p < panels; p++)
                for (int v = 0; v < 2; v++)
                    sum[p][j][v] += ((const vec *)(a + p * a_step))[v] * v_all(d[j]);
    for (int p = 0; p < panels; p++)
        for (int j = 0; j < outputs; j++)
            for (int v = 0; v < 2; v++)
                sums[(p * outputs + j) * FM_PANEL_VECTORS + v] = sum[p][j][v];
}

/* Sums the gradient of inputs [first, last) of one panel, and turns the sums over. */
static void FM(gradient_narrow)(long first, long last, int outputs, long depth, const FM_REAL *a, const FM_REAL *d,
                                const FM_REAL *start, int add, FM_REAL *sums) {
    FM_REAL turned[FM_NARROW][FM_PANEL] __attribute__((aligned(FM_PANEL_BYTES)));
    memset(turned, 0, sizeof turned);
    for (long i = first; start && i < last; i++)
        for (int j = 0; j < outputs; j++)
            turned[j][i] = start[(i - first) * FM_PANEL + j];
    for (long v = 0; v < FM_PANEL_VECTORS; v += 2) {
        const FM_REAL *a_at = a + v * FM_LANES;
        vec *sums_at = (vec *)turned + v;
#define FM_BODY(n) FM(narrow_tile)(n, 1, depth, a_at, 0, d, sums_at)
        FM_NARROW_CASES(outputs, FM_BODY)
#undef FM_BODY
    }
    for (long i = first; i < last; i++)
        for (int j = 0; j < outputs; j++)
            sums[(i - first) * FM_PANEL + j] = add ? sums[(i - first) * FM_PANEL + j] + turned[j][i] : turned[j][i];
}
