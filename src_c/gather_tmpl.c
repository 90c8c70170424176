/* Rows into panels and back. Gathering a minibatch converts each element to the compute type on the way, so that X is
 * read in place whatever its type is. */

/* IEEE half precision, from its bits. */
FM_INLINE float FM(from_half)(uint16_t h) {
    const uint32_t sign = (uint32_t)(h & 0x8000u) << 16, magnitude = h & 0x7fffu;
    uint32_t bits = (magnitude << 13) + ((127 - 15) << 23);
    float value;
    if (magnitude >= 0x7c00u) /* infinity, NaN */
        bits += (uint32_t)(128 - 16) << 23;
    else if (magnitude < 0x0400u) { /* denormal: magnitude * 2^-24 */
        value = (float)magnitude * 0x1p-24f;
        memcpy(&bits, &value, sizeof bits);
    }
    bits |= sign;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* What is left of a row after its whole panels, of the compute type. On AVX-512 with masks, not one by one, and padding
 * becomes zero. */
FM_INLINE void FM(copy_rest)(const FM_REAL *from, long n, FM_REAL *to) {
#if FM_VECTOR_BYTES == 64
    for (long v = 0; v < FM_PANEL_VECTORS; v++, n -= FM_LANES) {
        const unsigned there = n >= FM_LANES ? (1u << FM_LANES) - 1 : n > 0 ? (1u << n) - 1 : 0;
#if FM_BITS == 32
        ((vec *)to)[v] = (vec)_mm512_maskz_loadu_ps((__mmask16)there, from + v * FM_LANES);
#else
        ((vec *)to)[v] = (vec)_mm512_maskz_loadu_pd((__mmask8)there, from + v * FM_LANES);
#endif
    }
#else
    for (long k = 0; k < n; k++)
        to[k] = from[k];
#endif
}

/* Rows come in random order, so the next ones are asked for early. */
#define FM_ROWS_AHEAD 8

#define FM_SOURCE(code, name, type, value)                                                    \
    static void FM(gather_##name)(const fm_source *source, const fm_rows *rows) {             \
        const char *const rows_of_x = source->x;                                              \
        const int64_t *const order = source->order;                                           \
        const ptrdiff_t row_bytes = source->row_bytes;                                        \
        const long n = rows->rows, width = rows->width, stride = rows->stride;                \
        for (long r = 0; r < n; r++) {                                                        \
            const type *row = (const type *)(rows_of_x + (order ? order[r] : r) * row_bytes); \
            FM_REAL *to = (FM_REAL *)rows->at + r * FM_PANEL;                                 \
            if (order && r + FM_ROWS_AHEAD < n)                                               \
                __builtin_prefetch(rows_of_x + order[r + FM_ROWS_AHEAD] * row_bytes);         \
            for (long c = 0; c < width; c += FM_PANEL, to += stride * FM_PANEL) {             \
                if (width - c >= FM_PANEL)                                                    \
                    for (long k = 0; k < FM_PANEL; k++) {                                     \
                        const type x = row[c + k];                                            \
                        to[k] = (FM_REAL)(value);                                             \
                    }                                                                         \
                else if (__builtin_types_compatible_p(type, FM_REAL))                         \
                    FM(copy_rest)((const FM_REAL *)(row + c), width - c, to);                 \
                else                                                                          \
                    for (long k = 0; k < width - c; k++) {                                    \
                        const type x = row[c + k];                                            \
                        to[k] = (FM_REAL)(value);                                             \
                    }                                                                         \
            }                                                                                 \
        }                                                                                     \
    }
#include "sources.def"
#undef FM_SOURCE

static void FM(scatter)(const fm_rows *rows, void *out, ptrdiff_t row_bytes) {
    const long n = rows->rows, width = rows->width, stride = rows->stride;
    for (long r = 0; r < n; r++) {
        const FM_REAL *from = (const FM_REAL *)rows->at + r * FM_PANEL;
        FM_REAL *to = (FM_REAL *)((char *)out + r * row_bytes);
        for (long c = 0; c < width; c += FM_PANEL, from += stride * FM_PANEL)
            memcpy(to + c, from, (size_t)(width - c < FM_PANEL ? width - c : FM_PANEL) * sizeof(FM_REAL));
    }
}

/* Whether the panels hold these rows, bit by bit: a NaN equals itself, 0 and -0 differ. */
static int FM(holds)(const fm_rows *rows, const void *x, ptrdiff_t row_bytes) {
    typedef FM_INT bits __attribute__((may_alias));
    const long n = rows->rows, width = rows->width, stride = rows->stride;
    for (long r = 0; r < n; r++) {
        const bits *packed = (const bits *)rows->at + r * FM_PANEL,
                   *row = (const bits *)((const char *)x + r * row_bytes);
        FM_INT difference = 0;
        for (long c = 0; c < width; c += FM_PANEL, packed += stride * FM_PANEL)
            if (width - c >= FM_PANEL)
                for (long k = 0; k < FM_PANEL; k++)
                    difference |= packed[k] ^ row[c + k];
            else
                for (long k = 0; k < width - c; k++)
                    difference |= packed[k] ^ row[c + k];
        if (difference)
            return 0;
    }
    return 1;
}

/* Whether none of n numbers is infinite or NaN. */
static int FM(finite)(long n, const void *x) {
    const FM_REAL *at = x;
    vec products = v_all(0), value; /* with zero: NaN where the number is not finite */
    long i = 0;
    for (; i + FM_LANES <= n; i += FM_LANES) {
        memcpy(&value, at + i, sizeof value);
        products += value * (FM_REAL)0;
    }
    FM_REAL sum = (FM_REAL)v_sum(products);
    for (; i < n; i++)
        sum += at[i] * (FM_REAL)0;
    return sum == 0;
}

/* Eight rows of eight columns, transposed in registers where a vector holds eight elements: element by element this
 * costs a quarter of a weight update. */
#define FM_OCTETS (FM_VECTOR_BYTES >= FM_STRIP * FM_BITS / 8)
#if FM_OCTETS
typedef FM_REAL FM(octet) __attribute__((vector_size(FM_STRIP * FM_BITS / 8), may_alias));
typedef FM_INT FM(octet_lanes) __attribute__((vector_size(FM_STRIP * FM_BITS / 8)));
#if defined(__clang__)
#define FM_PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else /* GCC has the other from version 12 on */
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

/* A tile of weights: rows of one output panel, into their columns of the transposed copy. */
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

#if FM_VECTOR_BYTES == 64
_Static_assert(FM_NARROW == 4, "fours are rows of few outputs");

/* The first four columns of FM_LANES rows, of which the last stands for those beyond rows: four columns beside each other,
 * each a vector. */
FM_INLINE void FM(fours_to_columns)(const FM_REAL *from, long rows, vec *columns) {
#pragma GCC unroll 4
    for (long i = 0; i < 4; i++) {
        vec a = v_all(0);
#pragma GCC unroll 4
        for (long lane = 0; lane < FM_LANES; lane += 4) {
            const FM_REAL *at = from + (lane + i < rows ? lane + i : rows - 1) * FM_PANEL;
#if FM_BITS == 32
            a = (vec)_mm512_mask_broadcast_f32x4((__m512)a, (__mmask16)(15 << lane), _mm_loadu_ps(at));
#else
            a = (vec)_mm512_mask_broadcast_f64x4((__m512d)a, (__mmask8)(15 << lane), _mm256_loadu_pd(at));
#endif
        }
        columns[i] = a;
    }
    FM(transpose_lanes)(4, columns);
}

/* And back, with zeros in the rest of the row's first vector. */
FM_INLINE void FM(fours_from_columns)(vec *columns, long rows, FM_REAL *to) {
    FM(transpose_lanes)(4, columns);
#if FM_BITS == 32
#define FM_FOUR(x, number) _mm512_zextps128_ps512(_mm512_extractf32x4_ps((__m512)(x), number))
#else
#define FM_FOUR(x, number) _mm512_zextpd256_pd512(_mm512_extractf64x4_pd((__m512d)(x), number))
#endif
#define FM_FOUR_ROWS(number)                                    \
    _Pragma("GCC unroll 4") for (long i = 0; i < 4; i++) {      \
        vec *row = (vec *)(to + (4 * (number) + i) * FM_PANEL); \
        if (4 * (number) + i < rows)                            \
            *row = (vec)FM_FOUR(columns[i], number);            \
    }
    FM_FOUR_ROWS(0)
    FM_FOUR_ROWS(1)
#if FM_BITS == 32
    FM_FOUR_ROWS(2)
    FM_FOUR_ROWS(3)
#endif
#undef FM_FOUR_ROWS
#undef FM_FOUR
}
#endif
