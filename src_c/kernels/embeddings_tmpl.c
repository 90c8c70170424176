/* This file has the first layer on encoded columns in which each column has units of its own, as many as any other: its
 * embedding. They sum what the column's inputs add, by the formulas of columns_tmpl.c, and the weights are a matrix with
 * a row for each input of any column, and a column for each unit of an embedding.
 *
 * An embedding is taken in pieces of 16, 8 or 4 units, the most that divide its size. A piece lies within a panel, both
 * among the weights and among the activations. */

/* What one piece of a panel of activations is made of. */
typedef struct {
    const int32_t *inputs;
    const FM_REAL *shares;
    /* The same piece of the weights, or of the sums of bins, of input 0. */
    const FM_REAL *looked_up;
} FM(piece);

/* Says what the pieces from first to before end are made of, at most a panel of them; returns how many belong to
 * numbers, which come first. */
static long FM(find_pieces)(const fm_lookups *x, const fm_matrix *b, const void *bin_sums, long size, long lanes,
                            long first, long end, FM(piece) * pieces) {
    const long of_column = size / lanes, sums_of_panel = FM(sums_of_panel)(x->columns);
    long numbers = 0;
    for (long k = first; k < end; k++, pieces++) {
        const long c = k / of_column, unit = k % of_column * lanes, panel = unit / FM_PANEL, lane = unit % FM_PANEL;
        pieces->inputs = x->inputs + c * x->stride;
        pieces->shares = NULL;
        if (c < x->columns->numbers) {
            numbers++;
            pieces->shares = (const FM_REAL *)x->shares + c * x->stride;
            pieces->looked_up = (const FM_REAL *)bin_sums + (panel * sums_of_panel + c) * FM_PANEL + lane;
        } else
            pieces->looked_up = (const FM_REAL *)b->at + panel * b->panel_rows * FM_PANEL + lane;
    }
    return numbers;
}

/* These are for pieces of a type, so many lanes wide.
 *
 * embed_rows_<lanes> makes a panel of activations, or the first n pieces of one.
 *
 * sum_embedding_<lanes> sums the gradient of the inputs [low, high) of column c, for one piece, onto what the rows of to
 * start from; deltas and to are the piece's in row 0 and of input 0. sums has room for two pieces for each input. */
#define FM_EMBEDDINGS(lanes, type)                                                                                   \
    static void FM(embed_rows_##lanes)(long rows, const FM(piece) * pieces, long n, long numbers,                    \
                                       const FM_REAL *biases, FM_REAL *to) {                                         \
        for (long r = 0; r < rows; r++, to += FM_PANEL) {                                                            \
            long k = 0;                                                                                              \
            for (; k < numbers; k++) {                                                                               \
                const FM_REAL *bin = pieces[k].looked_up + pieces[k].inputs[r] * (long)FM_PANEL;                     \
                const type share = pieces[k].shares[r] - (type){0}, rest = 1 - share;                                \
                ((type *)to)[k] =                                                                                    \
                    ((const type *)biases)[k] + rest * *(const type *)bin + share * *(const type *)(bin + FM_PANEL); \
            }                                                                                                        \
            for (; k < n; k++)                                                                                       \
                ((type *)to)[k] = ((const type *)biases)[k] +                                                        \
                                  *(const type *)(pieces[k].looked_up + pieces[k].inputs[r] * (long)FM_PANEL);       \
        }                                                                                                            \
    }                                                                                                                \
    static void FM(sum_embedding_##lanes)(const fm_lookups *x, long c, long low, long high, const FM_REAL *deltas,   \
                                          int carries, void *scratch, FM_REAL *to) {                                 \
        const long first = x->columns->offsets[c], end = x->columns->offsets[c + 1], rows = x->rows;                 \
        const int is_number = c < x->columns->numbers;                                                               \
        const int32_t *inputs = x->inputs + c * x->stride;                                                           \
        type *sums = scratch, above = {0};                                                                           \
        memset(sums, 0, (size_t)(2 * (end - first)) * sizeof *sums);                                                 \
        if (is_number) {                                                                                             \
            const FM_REAL *shares = (const FM_REAL *)x->shares + c * x->stride;                                      \
            for (long r = 0; r < rows; r++, deltas += FM_PANEL) {                                                    \
                type *at = sums + 2 * (inputs[r] - first);                                                           \
                const type d = *(const type *)deltas;                                                                \
                at[0] += d;                                                                                          \
                at[1] += shares[r] * d;                                                                              \
            }                                                                                                        \
        } else                                                                                                       \
            for (long r = 0; r < rows; r++, deltas += FM_PANEL)                                                      \
                sums[2 * (inputs[r] - first)] += *(const type *)deltas;                                              \
        /* Each input of a number has the sums of all inputs above it. */                                            \
        for (long k = is_number ? end - 1 : high - 1; k >= low; k--) {                                               \
            const type *at = sums + 2 * (k - first);                                                                 \
            if (k < high) {                                                                                          \
                type *into = (type *)(to + k * FM_PANEL);                                                            \
                const type gradient = is_number && k > first ? at[1] + above : at[0];                                \
                *into = carries ? *into + gradient : gradient;                                                       \
            }                                                                                                        \
            above += at[0];                                                                                          \
        }                                                                                                            \
    }
/* An array of pieces may begin at any multiple of four elements. */
#define FM_PIECE(lanes) __attribute__((vector_size(lanes * sizeof(FM_REAL)), aligned(4 * sizeof(FM_REAL))))
typedef FM_REAL FM(sixteen) FM_PIECE(16);
typedef FM_REAL FM(eight) FM_PIECE(8);
typedef FM_REAL FM(four) FM_PIECE(4);
#undef FM_PIECE
FM_EMBEDDINGS(16, FM(sixteen))
FM_EMBEDDINGS(8, FM(eight))
FM_EMBEDDINGS(4, FM(four))
#undef FM_EMBEDDINGS

/* What takes pieces of so many lanes. */
typedef struct {
    long lanes;
    void (*embed_rows)(long, const FM(piece) *, long, long, const FM_REAL *, FM_REAL *);
    void (*sum_embedding)(const fm_lookups *, long, long, long, const FM_REAL *, int, void *, FM_REAL *);
} FM(pieces);

FM_INLINE const FM(pieces) * FM(pieces_of)(long size) {
    static const FM(pieces) kinds[] = {
        {16, FM(embed_rows_16), FM(sum_embedding_16)},
        {8, FM(embed_rows_8), FM(sum_embedding_8)},
        {4, FM(embed_rows_4), FM(sum_embedding_4)},
    };
    return size % 16 == 0 ? &kinds[0] : size % 8 == 0 ? &kinds[1] : &kinds[2];
}

static void FM(embed)(const fm_lookups *x, const fm_matrix *b, const void *bin_sums, const void *biases,
                      const fm_rows *c, const fm_after *after) {
    const long size = c->width / x->columns->columns;
    const FM(pieces) *kind = FM(pieces_of)(size);
    const long lanes = kind->lanes, of_panel = FM_PANEL / lanes;
    static const FM(sixteen) zeros[FM_PANEL / 16];
    for (long panel = 0; panel * FM_PANEL < c->width; panel++) {
        FM(piece) pieces[FM_PANEL];
        const long first = panel * of_panel, left = c->width / lanes - first, n = left < of_panel ? left : of_panel;
        const long numbers = FM(find_pieces)(x, b, bin_sums, size, lanes, first, first + n, pieces);
        kind->embed_rows(x->rows, pieces, n, numbers,
                         biases ? (const FM_REAL *)biases + panel * FM_PANEL : (const FM_REAL *)zeros,
                         FM_ROW(c->at, c->stride, panel, 0));
        FM(finish_rows)(after, panel, x->rows, c->at, panel * c->stride * FM_PANEL);
    }
}

/* Sums the gradient of the inputs [low, high) of column c, for those of its units that one panel of weights has. */
FM_INLINE void FM(sum_embedding)(const fm_strips *strips, const fm_lookups *x, long panel, long c, long low, long high,
                                 const fm_rows *deltas, void *scratch, FM_REAL *sums) {
    const long size = strips->layer->outputs;
    const FM(pieces) *kind = FM(pieces_of)(size);
    const long end = (panel + 1) * FM_PANEL < size ? (panel + 1) * FM_PANEL : size;
    for (long unit = panel * FM_PANEL; unit < end; unit += kind->lanes) {
        const long of_all = c * size + unit;
        kind->sum_embedding(x, c, low, high,
                            FM_ROW(deltas->at, deltas->stride, of_all / FM_PANEL, 0) + of_all % FM_PANEL,
                            !strips->step->first, scratch, sums + unit % FM_PANEL);
    }
}

static void FM(update_embeddings)(const fm_strips *strips, const fm_lookups *x, void *scratch, const fm_rows *deltas) {
    const int32_t *offsets = x->columns->offsets;
    const long first = strips->first * FM_STRIP, last = FM(last_input)(strips);
    for (long panel = strips->panel; panel < strips->panel_end; panel++) {
        FM_REAL *sums = (FM_REAL *)strips->layer->sums + FM(place)(strips->layer, panel, 0);
        for (long c = 0; c < x->columns->columns && offsets[c] < last; c++) {
            const long low = offsets[c] > first ? offsets[c] : first;
            const long high = offsets[c + 1] < last ? offsets[c + 1] : last;
            if (low < high)
                FM(sum_embedding)(strips, x, panel, c, low, high, deltas, scratch, sums);
        }
        if (strips->step->last)
            FM(finish)(strips, panel, first, last - first, sums + first * FM_PANEL);
    }
}
