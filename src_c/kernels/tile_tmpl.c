#define FM_LINE (64 / (FM_BITS / 8)) /* a cache line has so many elements */
#define FM_TILE_ROWS (FM_FORWARD_ROWS > FM_GRADIENT_ROWS ? FM_FORWARD_ROWS : FM_GRADIENT_ROWS)

/* These are what a tile asks the caches for while it computes, a line of each kind with every second step of the inner
 * index: data to read, and data to write, which another core may hold. Where there is nothing to ask for, the address
 * stays where it is, with a step of 0. */
typedef struct {
    const FM_REAL *read, *write;
    long read_step, write_step;
} FM(requests);
#define ahead_t FM(requests)

/* Returns sum + x b. Where FM_HAS_PRODUCT_AT is 1, x is read with the multiplication, so that it takes no instruction
 * of its own; but it is read for every vector of b. */
FM_INLINE vec FM(add_product_at)(vec sum, const FM_REAL *x, vec b) {
#if FM_HAS_PRODUCT_AT
    FM_ADD_PRODUCT_AT(sum, x, b);
    return sum;
#else
    return sum + v_all(*x) * b;
#endif
}

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

/* This is done to a product's sums on their way out of the registers, rather than in another pass over them: nothing,
 * relu, or its derivative given the activation at. */
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

/* Computes the one tile behind every matrix product: c[i][:] = start[i][:] + the sum over k of a(i, k) b[k][:], with k
 * ascending.
 *
 * a(i, k) lies at a[k / block * block_step + i * row_step + k % block * step], so that i counts rows of a matrix in
 * panels in the layers' products, and its columns in the weight gradient. b, start and c are rows of one panel. rows
 * and vectors are constants wherever this is inlined, so that the sums stay in registers. With add, c's former values
 * are added at the end. What then and at do is said at taken_along(); at is laid out as c. */
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

FM_INLINE void FM(dense_tile)(int rows, int wide, long depth, const FM_REAL *a, long block_step, const FM_REAL *b,
                              const FM_REAL *start, long start_step, FM_REAL *c, int then, const FM_REAL *at,
                              ahead_t ahead){
#define FM_BODY(n, vectors)                                                                                        \
    FM(tile)(n, vectors, depth, a, FM_PANEL, 1, FM_PANEL, block_step, b, start, start_step, 0, c, then, at, ahead)
    FM_CASES(rows, FM_FORWARD_ROWS, wide, FM_BODY)
#undef FM_BODY
}

/* Computes a tile of a weight gradient: sums[i][:] = start[i][:] + the sum over the batch's rows r of a(r, i) d[r][:],
 * for some inputs i of one panel of a. With add, this goes on top of what sums holds. */
FM_INLINE void FM(gradient_tile)(int rows, int wide, long depth, const FM_REAL *a, const FM_REAL *d,
                                 const FM_REAL *start, int add, FM_REAL *sums, ahead_t ahead){
#define FM_BODY(n, vectors)                                                                                        \
    FM(tile)(n, vectors, depth, a, 1, FM_PANEL, depth, 0, d, start, FM_PANEL, add, sums, FM_AS_IT_IS, sums, ahead)
    FM_CASES(rows, FM_GRADIENT_ROWS, wide, FM_BODY)
#undef FM_BODY
}

/* Computes the weight gradient of a single row for any number of inputs, since there is nothing to keep in
 * registers. */
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
