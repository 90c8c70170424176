/* Makes operands of bfloat16 terms from float32 rows and weights (include/bfloat16.h has their layout). */
typedef uint32_t FM(words) __attribute__((vector_size(FM_LINE_BYTES), may_alias));
#define words FM(words)

/* Rounds to the nearest bfloat16 number, which the high half of a word holds; ties go to even, and a NaN stays one. */
FM_INLINE words FM(rounded)(words x) {
    const words nearest = x + 0x7fffu + (x >> 16 & 1u);
#if FM_HAS_MASKS
    return (words)FM_SET_WHERE_NAN(nearest, x, 0x400000);
#else
    const words nan = (words)((x & 0x7fffffffu) > 0x7f800000u);
    return (nan & (x | 0x400000u)) | (~nan & nearest);
#endif
}

typedef FM_REAL FM(floats) __attribute__((vector_size(FM_LINE_BYTES), may_alias));
#define floats FM(floats)

/* Writes the terms of x, each in the high half of a word. Where there are three, ties need not go to even, since the
 * rest takes up what is left. */
FM_INLINE void FM(terms_of)(words x, const int terms, words *to) {
    if (terms == 1) {
        to[0] = FM(rounded)(x) & 0xffff0000u;
        return;
    }
    to[0] = (x + 0x8000u) & 0xffff0000u;
    const floats left = (floats)x - (floats)to[0];
    to[1] = ((words)left + 0x8000u) & 0xffff0000u;
    to[2] = (words)(left - (floats)to[1]);
}

/* Writes the pairs of two words: for each term a line, and the terms' lines a block apart. */
FM_INLINE void FM(store_pairs)(words first, words second, const int terms, words *lines) {
    words a[FM_TERMS], b[FM_TERMS];
    FM(terms_of)(first, terms, a);
    FM(terms_of)(second, terms, b);
    for (int t = 0; t < terms; t++)
        lines[t * FM_BLOCK] = a[t] >> 16 | (b[t] & 0xffff0000u);
}

/* Transposes 16 lines of 16 words. */
FM_INLINE void FM(turn_lines)(words *lines) {
#if FM_HAS_LANE_PICKS
    FM(transpose_lanes)(FM_LANES, (vec *)lines);
#else
    for (long i = 0; i < FM_PAIRS; i++)
        for (long j = 0; j < i; j++) {
            const uint32_t kept = lines[i][j];
            lines[i][j] = lines[j][i];
            lines[j][i] = kept;
        }
#endif
}

/* Returns half of row r of a block of float32 rows: 16 columns, or zeros past the last row. */
FM_INLINE words FM(words_of)(const FM_REAL *block, long r, long rows, long half) {
    return r < rows ? ((const words *)(block + r * FM_PANEL))[half] : (words){0};
}

/* Makes the left side of a block that is multiplied row by row: line r has row r's pairs of columns. width is how many
 * of the columns there are. */
FM_INLINE void FM(left_block)(long rows, long width, const FM_REAL *block, const int terms, words *lines) {
    words column;
    for (uint32_t c = 0; c < FM_PAIRS; c++)
        column[c] = c;
    const words there[2] = {(words)(column < (uint32_t)width), (words)(column + FM_PAIRS < (uint32_t)width)};
    for (long r = 0; r < rows; r++) {
        const words *at = (const words *)(block + r * FM_PANEL);
        FM(store_pairs)(at[0] & there[0], at[1] & there[1], terms, lines + r);
    }
}

/* Makes the right side of a block that is summed over its rows: line p of a half has rows p and p + 16. */
FM_INLINE void FM(right_block)(long rows, const FM_REAL *block, const int terms, words *lines) {
    for (long half = 0; half < 2; half++)
        for (long p = 0; p < FM_PAIRS; p++)
            FM(store_pairs)(FM(words_of)(block, p, rows, half), FM(words_of)(block, p + FM_PAIRS, rows, half), terms,
                            lines + half * FM_PAIRS + p);
}

FM_INLINE void FM(turn_block)(const int terms, words *lines) {
    for (int half = 0; half < 2 * terms; half++)
        FM(turn_lines)(lines + half * FM_PAIRS);
}

/* Makes the left side of a block that is summed over its rows: line c has column c's pairs of rows. */
FM_INLINE void FM(left_block_turned)(long rows, const FM_REAL *block, const int terms, words *lines) {
    FM(right_block)(rows, block, terms, lines);
    FM(turn_block)(terms, lines);
}

/* Makes the right side of a block that is multiplied row by row: line p of a half has the pair p of 16 rows. */
FM_INLINE void FM(right_block_turned)(long rows, long width, const FM_REAL *block, const int terms, words *lines) {
    FM(left_block)(rows, width, block, terms, lines);
    for (int t = 0; t < terms; t++)
        for (long r = rows; r < FM_BLOCK; r++)
            lines[t * FM_BLOCK + r] = (words){0};
    FM(turn_block)(terms, lines);
}

/* Calls body(terms) with a constant. */
#define FM_TERMS_CASES(terms, body) \
    do {                            \
        if ((terms) == 1)           \
            body(1);                \
        else                        \
            body(FM_TERMS);         \
    } while (0)

/* Makes a left operand of rows in panels: all blocks of the first 32 rows, then those of the next ones. */
static void FM(round_left)(int terms, const fm_rows *a, void *left) {
    const long rows = a->rows, width = a->width;
    words *to = left;
    for (long r = 0; r < rows; r += FM_BLOCK)
        for (long panel = 0; panel * FM_PANEL < width; panel++, to += terms * FM_BLOCK) {
            const FM_REAL *block = (const FM_REAL *)a->at + (panel * a->stride + r) * FM_PANEL;
#define FM_BODY(n) FM(left_block)(rows - r < FM_BLOCK ? rows - r : FM_BLOCK, width - panel * FM_PANEL, block, n, to)
            FM_TERMS_CASES(terms, FM_BODY);
#undef FM_BODY
        }
}

/* Make an operand of rows in panels, for a sum over the rows: a left one or a right one. blocks is how many lie from
 * one panel to the next. */
#define FM_ROUND_ROWS(name, block_of)                                                               \
    static void FM(name)(int terms, const fm_rows *a, void *to, long blocks) {                      \
        const long rows = a->rows;                                                                  \
        for (long panel = 0; panel * FM_PANEL < a->width; panel++)                                  \
            for (long r = 0; r < rows; r += FM_BLOCK) {                                             \
                words *lines = (words *)to + (panel * blocks * FM_BLOCK + r) * terms;               \
                const FM_REAL *block = (const FM_REAL *)a->at + (panel * a->stride + r) * FM_PANEL; \
                FM_TERMS_CASES(terms, block_of);                                                    \
            }                                                                                       \
    }
#define FM_COLUMNS_BLOCK(n) FM(left_block_turned)(rows - r, block, n, lines)
#define FM_RIGHT_BLOCK(n) FM(right_block)(rows - r, block, n, lines)
FM_ROUND_ROWS(round_columns, FM_COLUMNS_BLOCK)
FM_ROUND_ROWS(round_right, FM_RIGHT_BLOCK)
#undef FM_ROUND_ROWS
#undef FM_COLUMNS_BLOCK
#undef FM_RIGHT_BLOCK

/* Makes both of the layer's operands of a block of weights, whose first row is given. */
FM_INLINE void FM(round_block)(const fm_layer *layer, long panel, long row, const int terms) {
    const FM_REAL *block = (const FM_REAL *)layer->weights + FM(place)(layer, panel, row);
    const long rows = layer->inputs - row, in_blocks = (layer->inputs + FM_BLOCK - 1) / FM_BLOCK;
    const long out_blocks = (layer->outputs + FM_BLOCK - 1) / FM_BLOCK;
    FM(right_block)(rows, block, terms, (words *)layer->rounded + (panel * in_blocks * FM_BLOCK + row) * terms);
    if (layer->rounded_transposed)
        FM(right_block_turned)(rows < FM_BLOCK ? rows : FM_BLOCK, layer->outputs - panel * FM_PANEL, block, terms,
                               (words *)layer->rounded_transposed + (row * out_blocks + panel * FM_BLOCK) * terms);
}

FM_INLINE void FM(round_weights)(const fm_layer *layer, long panel, long row) {
#define FM_BODY(n) FM(round_block)(layer, panel, row, n)
    FM_TERMS_CASES(layer->terms, FM_BODY);
#undef FM_BODY
}

static void FM(round_strips)(const fm_layer *layer, long panel, long first, long last) {
    for (long row = first * FM_STRIP; row < last * FM_STRIP && row < layer->inputs; row += FM_BLOCK)
        FM(round_weights)(layer, panel, row);
}
