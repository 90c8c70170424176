/* Products of bfloat16 numbers in AMX's tile registers of 16 rows of 64 bytes, which multiply at sixteen times the rate
 * of float32 vectors. */
#include <immintrin.h>
#include <string.h>

#include "bfloat16.h"

typedef struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t line_bytes[16];
    uint8_t rows[16];
} tile_config;

/* All eight tile registers are full; rows past the end are computed and not stored. */
static const tile_config full_tiles
    __attribute__((aligned(64))) = {1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};

static void begin(void) {
    _tile_loadconfig(&full_tiles);
}

static void end(void) {
    _tile_release();
}

/* GCC 12's _tile_loadd does not say that it reads memory, so that GCC might leave out writing what it reads. */
#define WRITTEN(array) __asm__ volatile("" : : "r"(array) : "memory")

/* The sanitizers know nothing of tile registers. In their builds the ends of each line are read, or written as they
 * are, in plain C. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static void show(volatile char *at, ptrdiff_t step, int writes) {
    for (int i = 0; i < 16; i++)
        for (int end = 0; end < FM_LINE_BYTES; end += FM_LINE_BYTES - 1) {
            const char byte = at[i * step + end];
            if (writes)
                at[i * step + end] = byte;
        }
}
#else
#define show(at, step, writes) ((void)0)
#endif
#define LOAD(t, at, step)              \
    do {                               \
        show((char *)(at), (step), 0); \
        _tile_loadd(t, at, step);      \
    } while (0)
#define STORE(t, at, step)             \
    do {                               \
        show((char *)(at), (step), 1); \
        _tile_stored(t, at, step);     \
    } while (0)

/* Loads or stores the sums of 16 rows and 16 columns, which are in tile register t. Its number must be a constant. */
#define LOAD_SUMS(t, row, column)                                                            \
    do {                                                                                     \
        const long n = rows - (row) < 16 ? rows - (row) : 16;                                \
        if (!start)                                                                          \
            _tile_zero(t);                                                                   \
        else if (n == 16 || !start_step)                                                     \
            LOAD(t, start + (row) * start_step + (column), start_step * sizeof(float));      \
        else {                                                                               \
            memset(edge, 0, sizeof edge);                                                    \
            for (long i = 0; i < n; i++)                                                     \
                memcpy(edge[i], start + ((row) + i) * start_step + (column), FM_LINE_BYTES); \
            WRITTEN(edge);                                                                   \
            LOAD(t, edge, FM_LINE_BYTES);                                                    \
        }                                                                                    \
    } while (0)
#define STORE_SUMS(t, row, column)                                                       \
    do {                                                                                 \
        const long n = rows - (row) < 16 ? rows - (row) : 16;                            \
        if (n == 16)                                                                     \
            STORE(t, out + (row) * out_step + (column), out_step * sizeof(float));       \
        else {                                                                           \
            STORE(t, edge, FM_LINE_BYTES);                                               \
            for (long i = 0; i < n; i++)                                                 \
                memcpy(out + ((row) + i) * out_step + (column), edge[i], FM_LINE_BYTES); \
        }                                                                                \
    } while (0)

#define ADD_PRODUCTS()               \
    do {                             \
        _tile_dpbf16ps(0, 4, 6);     \
        if (wide)                    \
            _tile_dpbf16ps(1, 4, 7); \
        if (tall)                    \
            _tile_dpbf16ps(2, 5, 6); \
        if (tall && wide)            \
            _tile_dpbf16ps(3, 5, 7); \
    } while (0)

/* terms, wide and tall are constants wherever this is inlined. */
static inline __attribute__((always_inline)) void multiply_tiles(const int terms, const int wide, const int tall,
                                                                 const fm_block_product *product) {
    const long rows = product->rows, blocks = product->blocks;
    const char *left = product->left, *right = product->right;
    const float *start = product->start;
    float *out = product->out;
    const long start_step = product->start_step, out_step = product->out_step;
    const fm_soon *soon = product->soon;
    float edge[16][16] __attribute__((aligned(64)));
    /* These are the lines of each place to ask for with each block. */
    const long written = blocks ? (soon->written_bytes / 64 + blocks - 1) / blocks : 0;
    const long read = blocks ? (soon->read_bytes / 64 + blocks - 1) / blocks : 0;
    const char *read_at = soon->read;
    long asked = 0;
    LOAD_SUMS(0, 0, 0);
    if (wide)
        LOAD_SUMS(1, 0, 16);
    if (tall)
        LOAD_SUMS(2, 16, 0);
    if (tall && wide)
        LOAD_SUMS(3, 16, 16);
#define ADD_PAIR(left_term, right_term)                                                 \
    if (left_loaded != (left_term))                                                     \
        LOAD(4, a + (left_term) * FM_BLOCK_BYTES, FM_LINE_BYTES);                       \
    if (right_loaded != (right_term))                                                   \
        LOAD(6, b + (right_term) * FM_BLOCK_BYTES, FM_LINE_BYTES);                      \
    if (wide && right_loaded != (right_term))                                           \
        LOAD(7, b + (right_term) * FM_BLOCK_BYTES + FM_BLOCK_BYTES / 2, FM_LINE_BYTES); \
    if (tall && left_loaded != (left_term))                                             \
        LOAD(5, a + (left_term) * FM_BLOCK_BYTES + FM_BLOCK_BYTES / 2, FM_LINE_BYTES);  \
    left_loaded = (left_term), right_loaded = (right_term);                             \
    ADD_PRODUCTS();
    for (int small = terms > 1; small >= 0; small--) {
        const char *a = left, *b = right;
        for (long k = 0; k < blocks; k++, a += terms * FM_BLOCK_BYTES, b += terms * FM_BLOCK_BYTES) {
            int left_loaded = -1, right_loaded = -1;
            if (small) {
                FM_SMALL_PAIRS(ADD_PAIR)
            } else {
                ADD_PAIR(0, 0)
            }
            if (small != (terms > 1))
                continue;
            for (long i = 0; i < read; i++, read_at += 64)
                __builtin_prefetch(read_at, 0, 2);
            for (long i = 0; i < written; i++, asked += 64)
                for (int p = 0; p < soon->n_written; p++)
                    __builtin_prefetch(soon->written[p] + asked, 1, 2);
        }
    }
    STORE_SUMS(0, 0, 0);
    if (wide)
        STORE_SUMS(1, 0, 16);
    if (tall)
        STORE_SUMS(2, 16, 0);
    if (tall && wide)
        STORE_SUMS(3, 16, 16);
}

static void multiply(const fm_block_product *product) {
    const int wide = product->halves > 1, tall = product->rows > 16;
#define ALL_TILES(terms)                                                                         \
    (wide   ? tall ? multiply_tiles(terms, 1, 1, product) : multiply_tiles(terms, 1, 0, product) \
     : tall ? multiply_tiles(terms, 0, 1, product)                                               \
            : multiply_tiles(terms, 0, 0, product))
    if (product->terms == 1)
        ALL_TILES(1);
    else
        ALL_TILES(FM_TERMS);
}

const fm_bfloat16_product fm_bfloat16_amx = {FM_TERMS, begin, end, multiply};
