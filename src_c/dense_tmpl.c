#define FM_LINE (64 / (FM_BITS / 8)) /* elements of a cache line */
#define FM_TILE_ROWS (FM_FORWARD_ROWS > FM_GRADIENT_ROWS ? FM_FORWARD_ROWS : FM_GRADIENT_ROWS)

/* What a tile asks the caches for while it computes, a line of each stream with every second step: data to read, and data
 * to write, which another core may hold. A stream with nothing to ask for stays where it is (step 0). */
typedef struct {
    const FM_REAL *read, *write;
    long read_step, write_step;
} FM(requests);
#define ahead_t FM(requests)

/* sum + x b. Here x is read with the multiplication, so that it takes no instruction of its own; but it is read for every
 * vector of b. */
#if FM_VECTOR_BYTES == 64 && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
FM_INLINE vec FM(add_product_at)(vec sum, const FM_REAL *x, vec b) {
#if FM_BITS == 32
    __asm__("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(b), "m"(*x));
#else
    __asm__("vfmadd231pd %2%{1to8%}, %1, %0" : "+v"(sum) : "v"(b), "m"(*x));
#endif
    return sum;
}
/* In so many rows: a core with two multiplications and two reads a cycle then has 9 reads to do in 5 cycles. Where another
 * thread shares that core, instructions are scarcer than either. */
#define FM_ROWS_READ_TWICE(rows) ((4 * (rows) - 10) / 5)
#else
FM_INLINE vec FM(add_product_at)(vec sum, const FM_REAL *x, vec b) {
    return sum + v_all(*x) * b;
}
#define FM_ROWS_READ_TWICE(rows) 0
#endif

FM_INLINE void FM(tile_step)(const int rows, const int vectors, const FM_REAL *a, const long row_step, const FM_REAL *b,
                             vec sum[][2]) {
    const vec b0 = ((const vec *)b)[0], b1 = vectors > 1 ? ((const vec *)b)[1] : b0;
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
        if (vectors > 1 && i < FM_ROWS_READ_TWICE(rows)) {
            sum[i][0] = FM(add_product_at)(sum[i][0], a + i * row_step, b0);
            sum[i][1] = FM(add_product_at)(sum[i][1], a + i * row_step, b1);
            continue;
        }
        const vec x = v_all(a[i * row_step]);
        sum[i][0] += x * b0;
        if (vectors > 1)
            sum[i][1] += x * b1;
    }
}

/* What becomes of a product's sums on their way out of the registers, rather than in another pass over them: relu, or its
 * derivative, given the activation at. */
#define FM_AS_IT_IS 0
#define FM_RELU 1
#define FM_RELU_DELTA 2
FM_INLINE vec FM(taken_along)(const int then, vec sum, const vec *at) {
    return then == FM_RELU ? v_relu(sum) : then == FM_RELU_DELTA ? v_relu_delta(*at, sum) : sum;
}

FM_INLINE int FM(then_of)(const fm_after *after) {
    return after->activate == FM(activate_relu)       ? FM_RELU
           : after->derivative == FM(derivative_relu) ? FM_RELU_DELTA
                                                      : FM_AS_IT_IS;
}

/* The one register tile behind every matrix product: c[i][:] = start[i][:] + sum over k of a(i, k) b[k][:], k ascending.
 *
 * a(i, k) lies at a[k / block * block_step + i * row_step + k % block * step]: rows of a panel-major block in the
 * layers' products, columns of it in the weight gradient. b, start and c are rows of one panel. rows and vectors are
 * constants wherever this is inlined, so that c stays in registers. With add, c's former values are added at the end.
 * then and at: see taken_along(); at is laid out as c. */
FM_INLINE void FM(tile)(const int rows, const int vectors, long depth, const FM_REAL *a, const long row_step,
                        const long step, const long block, long block_step, const FM_REAL *b, const FM_REAL *start,
                        const long start_step, const int add, FM_REAL *c, const int then, const FM_REAL *at,
                        ahead_t ahead) {
    vec sum[FM_TILE_ROWS][2];
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            sum[i][v] = start ? ((const vec *)(start + i * start_step))[v] : v_all(0);
    for (long first = 0; first < depth; first += block, a += block_step) {
        const long length = depth - first < block ? depth - first : block;
        long k = 0;
        for (; k + 1 < length; k += 2, b += 2 * FM_PANEL) {
            __builtin_prefetch(ahead.read, 0, 2);
            __builtin_prefetch(ahead.write, 1, 2);
            ahead.read += ahead.read_step;
            ahead.write += ahead.write_step;
            FM(tile_step)(rows, vectors, a + k * step, row_step, b, sum);
            FM(tile_step)(rows, vectors, a + (k + 1) * step, row_step, b + FM_PANEL, sum);
        }
        if (k < length) {
            FM(tile_step)(rows, vectors, a + k * step, row_step, b, sum);
            b += FM_PANEL;
        }
    }
#define FM_TAKE_ALONG(then)                                                                                           \
    _Pragma("GCC unroll 16") for (int i = 0; i < rows; i++) _Pragma("GCC unroll 2") for (int v = 0; v < vectors; v++) \
        sum[i][v] = FM(taken_along)(then, sum[i][v], (const vec *)(at + i * FM_PANEL) + v);
    if (then == FM_RELU) {
        FM_TAKE_ALONG(FM_RELU)
    } else if (then == FM_RELU_DELTA) {
        FM_TAKE_ALONG(FM_RELU_DELTA)
    }
#undef FM_TAKE_ALONG
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            ((vec *)(c + i * FM_PANEL))[v] = add ? ((vec *)(c + i * FM_PANEL))[v] + sum[i][v] : sum[i][v];
}

/* Calls body(rows, vectors) with constants, for 1 <= n <= limit and one or two vectors. */
#define FM_CASE(n, limit, wide, body) \
    case n:                           \
        if (n <= limit) {             \
            if (wide) {               \
                body((n), 2);         \
            } else {                  \
                body((n), 1);         \
            }                         \
        }                             \
        break;
#define FM_CASES(n, limit, wide, body) \
    switch (n) {                       \
        FM_CASE(1, limit, wide, body)  \
        FM_CASE(2, limit, wide, body)  \
        FM_CASE(3, limit, wide, body)  \
        FM_CASE(4, limit, wide, body)  \
        FM_CASE(5, limit, wide, body)  \
        FM_CASE(6, limit, wide, body)  \
        FM_CASE(7, limit, wide, body)  \
        FM_CASE(8, limit, wide, body)  \
        FM_CASE(9, limit, wide, body)  \
        FM_CASE(10, limit, wide, body) \
        FM_CASE(11, limit, wide, body) \
        FM_CASE(12, limit, wide, body) \
        FM_CASE(13, limit, wide, body) \
    }

/* Vectors of a panel that columns reach into. */
FM_INLINE long FM(vectors_in_panel)(long columns) {
    return columns >= FM_PANEL ? FM_PANEL_VECTORS : (columns + FM_LANES - 1) / FM_LANES;
}

FM_INLINE void FM(dense_tile)(int rows, int wide, long depth, const FM_REAL *a, long block_step, const FM_REAL *b,
                              const FM_REAL *start, long start_step, FM_REAL *c, int then, const FM_REAL *at,
                              ahead_t ahead){
#define FM_BODY(n, vectors)                                                                                        \
    FM(tile)(n, vectors, depth, a, FM_PANEL, 1, FM_PANEL, block_step, b, start, start_step, 0, c, then, at, ahead)
    FM_CASES(rows, FM_FORWARD_ROWS, wide, FM_BODY)
#undef FM_BODY
}

/* Where a panel's weights from an input on begin, and its biases, which follow the last input. In a turned layer inputs
 * begin panels. */
FM_INLINE ptrdiff_t FM(place)(const fm_layer *layer, long panel, long input) {
    if (layer->turned)
        return (input + FM_PANEL - 1) / FM_PANEL * layer->outputs * FM_PANEL;
    return (panel * (layer->inputs + 1) + input) * FM_PANEL;
}

/* The epilogue on rows of one panel, first of them at element offset of c. */
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

/* A panel of so few outputs leaves most of a vector empty; what follows takes another dimension along the vectors.
 *
 * Calls body(n) with a constant. */
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

#if FM_VECTOR_BYTES == 64
/* The order of a sum for few outputs: term k goes to partial sum k % FM_LANES, these are added as in sums_of_lanes(), and
 * the bias comes last. */
FM_INLINE FM_REAL FM(narrow_sum)(FM_REAL *partial, FM_REAL bias) {
    for (long s = FM_LANES / 2; s >= 1; s /= 2)
        for (long i = 0; i < s; i++)
            partial[i] += partial[i + s];
    return partial[0] + bias;
}

/* Rows of a panel-major block times turned columns, with more on top of sums; the inner index ends within the last
 * vector. Turned columns lie as a transposed copy does: for each panel of the inner index one row per output. */
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

/* So many rows of c, from the vectors of their partial sums, of which are FM_LANES for each output. */
FM_INLINE void FM(narrow_out)(const int outputs, long rows, vec sums[][FM_LANES], const FM_REAL *bias, FM_REAL *c) {
    vec out[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++)
        out[j] = j < outputs ? FM(sums_of_lanes)(sums[j]) + v_all(bias ? bias[j] : 0) : v_all(0);
    FM(fours_from_columns)(out, rows, c);
}

/* dense() for one panel of few outputs: the inner index runs along the vectors. turned: b, where it lies turned already;
 * or NULL. */
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

/* A product over so few inner indices that a panel of b stays in registers while rows go by: in tiles each sum would
 * take longer to start and to store than to make. The sums are those of tiles. */
#define FM_SHORT 12
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

/* So many rows at a time, so that what follows finds them in the first-level cache. */
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

/* dense() in tiles, for rows [from, to), shared evenly among as few tiles as they need. Long sums are taken in parts, c
 * holding what is summed so far, so that a part of b stays in the first-level cache for all rows. */
#define FM_DEPTH_PART 192
FM_INLINE void FM(dense_rows)(long from, long to, const fm_rows *a, const fm_matrix *b, const fm_rows *c,
                              const fm_after *after) {
    const long outputs = c->width, depth = b->depth, a_stride = a->stride, c_stride = c->stride;
    const long rows = to - from, tiles = (rows + FM_FORWARD_ROWS - 1) / FM_FORWARD_ROWS;
    const long parts = depth > FM_DEPTH_PART ? (depth + FM_DEPTH_PART - 1) / FM_DEPTH_PART : 1;
    const long blocks = (depth + FM_PANEL - 1) / FM_PANEL;
    /* All tiles together ask for the part of b that comes next, each for the rows of c it will write. */
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

/* c = a b, plus b's last row where it is biased; then the epilogue. All of b goes over so many rows at a time that those
 * stay in the second-level cache meanwhile, even where another process takes part of that. */
#define FM_ROWS_BYTES (512 * 1024)
static void FM(dense)(const fm_rows *a, const fm_matrix *b, const fm_rows *c, const fm_after *after) {
    const long rows = c->rows, depth = b->depth;
#if FM_VECTOR_BYTES == 64
    if (c->width <= FM_NARROW) {
        const FM_REAL *last_row = b->biased ? (const FM_REAL *)b->at + depth * FM_PANEL : NULL;
#define FM_BODY(n) FM(dense_narrow)(n, rows, depth, a->at, a->stride, b->at, NULL, last_row, c->at)
        FM_NARROW_CASES(c->width, FM_BODY)
#undef FM_BODY
        FM(finish_rows)(after, 0, rows, c->at, 0);
        return;
    }
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

/* sums[i][:] = start[i][:] + sum over batch rows r of a(r, i) d[r][:], for rows inputs i of one panel of a; with add, on
 * top of what sums holds. */
FM_INLINE void FM(gradient_tile)(int rows, int wide, long depth, const FM_REAL *a, const FM_REAL *d,
                                 const FM_REAL *start, int add, FM_REAL *sums, ahead_t ahead){
#define FM_BODY(n, vectors)                                                                                        \
    FM(tile)(n, vectors, depth, a, 1, FM_PANEL, depth, 0, d, start, FM_PANEL, add, sums, FM_AS_IT_IS, sums, ahead)
    FM_CASES(rows, FM_GRADIENT_ROWS, wide, FM_BODY)
#undef FM_BODY
}

/* The same for a single row, of any number of inputs: there is nothing to keep in registers. */
FM_INLINE void FM(row_times_row)(long inputs, int wide, const FM_REAL *a, const FM_REAL *d, const FM_REAL *start,
                                 FM_REAL *sums) {
    const vec d0 = ((const vec *)d)[0], d1 = wide ? ((const vec *)d)[1] : d0;
    for (long i = 0; i < inputs; i++) {
        const vec x = v_all(a[i]);
        const vec *from = start ? (const vec *)(start + i * FM_PANEL) : NULL;
        vec *to = (vec *)(sums + i * FM_PANEL);
        to[0] = (from ? from[0] : v_all(0)) + x * d0;
        if (wide)
            to[1] = (from ? from[1] : v_all(0)) + x * d1;
    }
}

/* The same for a panel of few outputs, in which a tile would multiply padding: there the inputs run along the vectors, two
 * of each of so many panels a_step apart, and the sums are turned over at the end. Each is the sum of the same terms in the
 * same order. sums: those of one panel after those of another. */
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

/* Inputs first to last of one panel. */
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
