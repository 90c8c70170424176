/* This file brings rows into panels and back, and finds what rows of encoded columns look up. Gathering a minibatch converts each element to the element type on the
 * way, so that X is read in place whatever its type is. */

/* Returns the value of a half-precision number, given its bits. */
FM_INLINE float FM(from_half)(uint16_t h) {
    const uint32_t sign = (uint32_t)(h & 0x8000u) << 16, magnitude = h & 0x7fffu;
    uint32_t bits = (magnitude << 13) + ((127 - 15) << 23);
    float value;
    if (magnitude >= 0x7c00u) /* this is infinity or NaN */
        bits += (uint32_t)(128 - 16) << 23;
    else if (magnitude < 0x0400u) { /* this is denormal: magnitude * 2^-24 */
        value = (float)magnitude * 0x1p-24f;
        memcpy(&bits, &value, sizeof bits);
    }
    bits |= sign;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Copies what is left of a row of the element type after its whole panels. With masks, the padding becomes zero. */
FM_INLINE void FM(copy_rest)(const FM_REAL *from, long n, FM_REAL *to) {
#if FM_HAS_MASKS
    for (long v = 0; v < FM_PANEL_VECTORS; v++, n -= FM_LANES) {
        const unsigned there = n >= FM_LANES ? (1u << FM_LANES) - 1 : n > 0 ? (1u << n) - 1 : 0;
        ((vec *)to)[v] = FM_LOAD_SOME(there, from + v * FM_LANES);
    }
#else
    for (long k = 0; k < n; k++)
        to[k] = from[k];
#endif
}

/* Rows come in random order, so that the next ones must be asked for early. */
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
#include "tables/sources.def"
#undef FM_SOURCE

/* Codes become inputs, and fractions are converted, whatever the types of both are. */
#define FM_LOOK_UP(name, code_type, fraction_type)                                                      \
    static void FM(look_up_##name)(const fm_encoded *from, const fm_lookups *to) {                      \
        const long columns = to->columns->columns, numbers = to->columns->numbers, stride = to->stride; \
        const int32_t *offsets = to->columns->offsets;                                                  \
        const int64_t *const order = from->order;                                                       \
        for (long r = 0; r < to->rows; r++) {                                                           \
            const int64_t sample = order ? order[r] : r;                                                \
            const code_type *codes = (const code_type *)from->codes + sample * columns;                 \
            const fraction_type *fractions = (const fraction_type *)from->fractions + sample * numbers; \
            if (order && r + FM_ROWS_AHEAD < to->rows) {                                                \
                const int64_t ahead = order[r + FM_ROWS_AHEAD];                                         \
                __builtin_prefetch((const code_type *)from->codes + ahead * columns);                   \
                __builtin_prefetch((const fraction_type *)from->fractions + ahead * numbers);           \
            }                                                                                           \
            int32_t *input = to->inputs + r;                                                            \
            FM_REAL *share = (FM_REAL *)to->shares + r;                                                 \
            for (long c = 0; c < numbers; c++)                                                          \
                share[c * stride] = codes[c] ? (FM_REAL)fractions[c] : 0;                               \
            for (long c = 0; c < columns; c++)                                                          \
                input[c * stride] = offsets[c] + codes[c];                                              \
        }                                                                                               \
    }
FM_LOOK_UP(byte_float, uint8_t, float)
FM_LOOK_UP(byte_double, uint8_t, double)
FM_LOOK_UP(wide_float, uint16_t, float)
FM_LOOK_UP(wide_double, uint16_t, double)
#undef FM_LOOK_UP

static void FM(look_up)(const fm_encoded *from, const fm_lookups *to) {
    if (from->wide_codes)
        (from->wide_fractions ? FM(look_up_wide_double) : FM(look_up_wide_float))(from, to);
    else
        (from->wide_fractions ? FM(look_up_byte_double) : FM(look_up_byte_float))(from, to);
}

static void FM(scatter)(const fm_rows *rows, void *out, ptrdiff_t row_bytes) {
    const long n = rows->rows, width = rows->width, stride = rows->stride;
    for (long r = 0; r < n; r++) {
        const FM_REAL *from = (const FM_REAL *)rows->at + r * FM_PANEL;
        FM_REAL *to = (FM_REAL *)((char *)out + r * row_bytes);
        for (long c = 0; c < width; c += FM_PANEL, from += stride * FM_PANEL)
            memcpy(to + c, from, (size_t)(width - c < FM_PANEL ? width - c : FM_PANEL) * sizeof(FM_REAL));
    }
}

/* Tells whether the panels hold these rows, bit by bit, so that NaN equals itself while 0 and -0 differ. */
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

/* Tells whether none of n numbers is infinite or NaN: one that is makes NaN of its product with zero. */
static int FM(finite)(long n, const void *x) {
    const FM_REAL *at = x;
    vec products = v_all(0), value; /* the sum of each number times zero */
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
