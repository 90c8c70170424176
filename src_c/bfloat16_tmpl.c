/* A layer's products with operands rounded to bfloat16 (bfloat16.h has the layout); sums, weights and everything else
 * stay float32. */
typedef uint32_t FM(words) __attribute__((vector_size(FM_LINE_BYTES), may_alias));
#define words FM(words)

/* To the nearest, ties to even; a NaN stays one. The result is in the high half. */
FM_INLINE words FM(rounded)(words x) {
    const words nearest = x + 0x7fffu + (x >> 16 & 1u);
#if FM_VECTOR_BYTES == 64
    const __mmask16 nan = _mm512_cmp_ps_mask((__m512)x, (__m512)x, _CMP_UNORD_Q);
    return (words)_mm512_mask_or_epi32((__m512i)nearest, nan, (__m512i)x, _mm512_set1_epi32(0x400000));
#else
    const words nan = (words)((x & 0x7fffffffu) > 0x7f800000u);
    return (nan & (x | 0x400000u)) | (~nan & nearest);
#endif
}

FM_INLINE words FM(pairs)(words first, words second) {
    return FM(rounded)(first) >> 16 | (FM(rounded)(second) & 0xffff0000u);
}

/* 16 lines of 16 words, turned over. */
FM_INLINE void FM(turn_lines)(words *lines) {
#if FM_VECTOR_BYTES == 64
    FM(transpose_lanes)((vec *)lines);
#else
    for (long i = 0; i < FM_PAIRS; i++)
        for (long j = 0; j < i; j++) {
            const uint32_t kept = lines[i][j];
            lines[i][j] = lines[j][i];
            lines[j][i] = kept;
        }
#endif
}

/* Row r of a block of float32 rows, 16 of its columns; zero past the last row. */
FM_INLINE words FM(words_of)(const FM_REAL *block, long r, long rows, long half) {
    return r < rows ? ((const words *)(block + r * FM_PANEL))[half] : (words){0};
}

/* A block that is multiplied row by row: line r has row r's pairs of columns. width: columns that are there. */
FM_INLINE void FM(left_block)(long rows, long width, const FM_REAL *block, words *lines) {
    words column;
    memcpy(&column, FM(numbers), sizeof column);
    const words there[2] = {(words)(column < (uint32_t)width), (words)(column + FM_PAIRS < (uint32_t)width)};
    for (long r = 0; r < rows; r++) {
        const words *at = (const words *)(block + r * FM_PANEL);
        lines[r] = FM(pairs)(at[0] & there[0], at[1] & there[1]);
    }
}

/* A block summed over its rows, on the right: line p of a half has rows p and p + 16. */
FM_INLINE void FM(right_block)(long rows, const FM_REAL *block, words *lines) {
    for (long half = 0; half < 2; half++)
        for (long p = 0; p < FM_PAIRS; p++)
            lines[half * FM_PAIRS + p] =
                FM(pairs)(FM(words_of)(block, p, rows, half), FM(words_of)(block, p + FM_PAIRS, rows, half));
}

/* The same on the left: line c has column c's pairs of rows. */
FM_INLINE void FM(left_block_turned)(long rows, const FM_REAL *block, words *lines) {
    FM(right_block)(rows, block, lines);
    FM(turn_lines)(lines);
    FM(turn_lines)(lines + FM_PAIRS);
}

/* A block that is multiplied row by row, on the right: line p of a half has the pair p of 16 rows. */
FM_INLINE void FM(right_block_turned)(long rows, long width, const FM_REAL *block, words *lines) {
    FM(left_block)(rows, width, block, lines);
    for (long r = rows; r < FM_BLOCK; r++)
        lines[r] = (words){0};
    FM(turn_lines)(lines);
    FM(turn_lines)(lines + FM_PAIRS);
}

/* Rows in panels as a left operand; stride: rows between its blocks. */
static void FM(round_left)(long rows, long width, const void *a, long a_stride, void *left, long stride) {
    for (long panel = 0; panel * FM_PANEL < width; panel++)
        FM(left_block)(rows, width - panel * FM_PANEL, (const FM_REAL *)a + panel * a_stride * FM_PANEL,
                       (words *)left + panel * stride);
}

/* Rows in panels as an operand of a sum over the rows, left or right; blocks: between its panels. */
#define FM_ROUND_ROWS(name, block_of)                                                                  \
    static void FM(name)(long rows, long width, const void *a, long a_stride, void *to, long blocks) { \
        for (long panel = 0; panel * FM_PANEL < width; panel++)                                        \
            for (long r = 0; r < rows; r += FM_BLOCK)                                                  \
                FM(block_of)(rows - r, (const FM_REAL *)a + (panel * a_stride + r) * FM_PANEL,         \
                             (words *)to + (panel * blocks * FM_BLOCK) + r);                           \
    }
FM_ROUND_ROWS(round_columns, left_block_turned)
FM_ROUND_ROWS(round_right, right_block)
#undef FM_ROUND_ROWS

/* A block of weights, into both of the layer's rounded copies. row is the block's first. */
FM_INLINE void FM(round_weights)(const fm_layer *layer, long panel, long row) {
    const FM_REAL *block = (const FM_REAL *)layer->weights + (panel * (layer->inputs + 1) + row) * FM_PANEL;
    const long rows = layer->inputs - row, in_blocks = (layer->inputs + FM_BLOCK - 1) / FM_BLOCK;
    const long out_blocks = (layer->outputs + FM_BLOCK - 1) / FM_BLOCK;
    FM(right_block)(rows, block, (words *)layer->rounded + (panel * in_blocks * FM_BLOCK) + row);
    if (layer->rounded_transposed)
        FM(right_block_turned)(rows < FM_BLOCK ? rows : FM_BLOCK, layer->outputs - panel * FM_PANEL, block,
                               (words *)layer->rounded_transposed + (row * out_blocks) + panel * FM_BLOCK);
}

static void FM(round_units)(const fm_layer *layer, long panel, long from, long to) {
    for (long row = from * FM_UNIT; row < to * FM_UNIT && row < layer->inputs; row += FM_BLOCK)
        FM(round_weights)(layer, panel, row);
}

/* Without the hardware's help, slowly. */
static void FM(bfloat16_multiply)(long rows, int halves, long blocks, const void *left, ptrdiff_t left_step,
                                  const void *right, const FM_REAL *start, long start_step, FM_REAL *out, long out_step,
                                  const fm_soon_written *soon) {
    (void)soon;
    typedef FM_REAL line __attribute__((vector_size(FM_LINE_BYTES), may_alias));
    for (long r = 0; r < rows; r++)
        for (long half = 0; half < halves; half++) {
            line sum = {0};
            if (start)
                memcpy(&sum, start + r * start_step + half * FM_PAIRS, sizeof sum);
            for (long k = 0; k < blocks; k++) {
                const uint32_t *a = (const uint32_t *)((const char *)left + k * left_step) + r * FM_PAIRS;
                const words *b = (const words *)right + k * FM_BLOCK + half * FM_PAIRS;
                for (long p = 0; p < FM_PAIRS; p++) {
                    const uint32_t first = a[p] << 16, second = a[p] & 0xffff0000u;
                    FM_REAL x, y;
                    memcpy(&x, &first, sizeof x);
                    memcpy(&y, &second, sizeof y);
                    sum += x * (line)(b[p] << 16);
                    sum += y * (line)(b[p] & 0xffff0000u);
                }
            }
            memcpy(out + r * out_step + half * FM_PAIRS, &sum, sizeof sum);
        }
}

static void FM(nothing)(void) {
}

static const fm_bfloat16_product FM(plain_product) = {FM(nothing), FM(nothing), FM(bfloat16_multiply)};

FM_INLINE const fm_bfloat16_product *FM(product)(void) {
    const fm_bfloat16_product *chosen = FM_VECTOR_BYTES == 64 ? fm_bfloat16_chosen() : NULL;
    return chosen ? chosen : &FM(plain_product);
}

/* Blocks of the inner index at a time, so that a part of the right operand stays in the first-level cache. */
#define FM_BLOCKS_PART 12

/* c = left right + bias, as dense(). left: as round_left() leaves it, its lines there for whole blocks of rows. bias: rows
 * of the weights' panels, bias_step apart; NULL for none. */
static void FM(bfloat16_dense)(long rows, long outputs, long depth, const void *left, long left_stride,
                               const void *right, const void *bias, long bias_step, void *c, long c_stride,
                               const fm_after *after) {
    const fm_bfloat16_product *product = FM(product)();
    const long blocks = (depth + FM_BLOCK - 1) / FM_BLOCK, parts = (blocks + FM_BLOCKS_PART - 1) / FM_BLOCKS_PART;
    const ptrdiff_t left_step = left_stride * FM_LINE_BYTES;
    product->begin();
    for (long panel = 0; panel * FM_PANEL < outputs; panel++) {
        const int halves = outputs - panel * FM_PANEL > FM_PAIRS ? 2 : 1;
        for (long part = 0, first = 0, next; part < parts; part++, first = next) {
            next = blocks * (part + 1) / parts;
            const char *b = (const char *)right + (panel * blocks + first) * FM_BLOCK_BYTES;
            for (long row = 0; row < rows; row += FM_BLOCK) {
                const long n = rows - row < FM_BLOCK ? rows - row : FM_BLOCK,
                           offset = (panel * c_stride + row) * FM_PANEL;
                FM_REAL *to = (FM_REAL *)c + offset;
                const FM_REAL *start = part ? to : bias ? (const FM_REAL *)bias + panel * bias_step : NULL;
                product->multiply(n, halves, next - first,
                                  (const char *)left + (first * left_stride + row) * FM_LINE_BYTES, left_step, b, start,
                                  part ? FM_PANEL : 0, to, FM_PANEL, NULL);
                if (part == parts - 1)
                    FM(finish_rows)(after, panel, n, c, offset);
            }
        }
    }
    product->end();
}

/* What finish() will write. */
FM_INLINE fm_soon_written FM(soon_written)(const fm_layer *layer, long panel, long row, long rows) {
    const ptrdiff_t offset = (panel * (layer->inputs + 1) + row) * FM_PANEL;
    fm_soon_written soon = {0, rows * FM_PANEL_BYTES, {NULL}};
    soon.places[soon.n++] = (const char *)((const FM_REAL *)layer->weights + offset);
    for (int i = 0; i < FM_MAX_SLOTS; i++)
        if (layer->slots[i])
            soon.places[soon.n++] = (const char *)((const FM_REAL *)layer->slots[i] + offset);
    return soon;
}

/* As update_dense(), for whole blocks of inputs; columns and right: what round_columns() and round_right() made of the
 * activations and the deltas, with so many blocks of rows from one panel to the next. */
static void FM(bfloat16_update)(const fm_layer *layer, long panel, long from, long to, long rows, const void *columns,
                                const void *right, long blocks, const void *deltas, long d_stride, const fm_step *step,
                                double *squares) {
    const fm_bfloat16_product *product = FM(product)();
    const long last = to * FM_UNIT < layer->inputs ? to * FM_UNIT : layer->inputs;
    const int halves = layer->outputs - panel * FM_PANEL > FM_PAIRS ? 2 : 1;
    FM_REAL sums[FM_BLOCK * FM_PANEL] __attribute__((aligned(FM_LINE_BYTES)));
    memset(sums, 0, sizeof sums);
    product->begin();
    for (long first = from * FM_UNIT; first < last; first += FM_BLOCK) {
        const long n = last - first < FM_BLOCK ? last - first : FM_BLOCK;
        const fm_soon_written soon = FM(soon_written)(layer, panel, first, n);
        product->multiply(n, halves, (rows + FM_BLOCK - 1) / FM_BLOCK,
                          (const char *)columns + first / FM_BLOCK * blocks * FM_BLOCK_BYTES, FM_BLOCK_BYTES,
                          (const char *)right + panel * blocks * FM_BLOCK_BYTES,
                          FM(start_of)(layer, panel, first, step), FM_PANEL, sums, FM_PANEL, step->last ? &soon : NULL);
        FM(finish)(layer, panel, first, n, sums, step, squares);
        if (step->last && !layer->limit)
            FM(round_weights)(layer, panel, first);
    }
    product->end();
    if (last == layer->inputs)
        FM(update_biases)(layer, panel, rows, deltas, d_stride, step);
}
#undef words
