/* Products of bfloat16 numbers in vectors, by AVX-512's dot products of pairs. */
#include <immintrin.h>

#include "bfloat16.h"

#define ROWS 8 /* with two halves, these are 16 sums in registers */

#define PAIR_OF_TERMS(left_term, right_term) {left_term, right_term},
static const int term_pairs[][2] = {FM_SMALL_PAIRS(PAIR_OF_TERMS) PAIR_OF_TERMS(0, 0)};
#define PAIRS_OF_TERMS ((int)(sizeof term_pairs / sizeof term_pairs[0]))

/* Computes so many rows of a product, beginning with row from. */
static inline __attribute__((always_inline)) void some_rows(const int rows, const int halves, long from,
                                                            const fm_block_product *product) {
    const int terms = product->terms;
    const long blocks = product->blocks, start_step = product->start_step, out_step = product->out_step;
    const char *a = (const char *)product->left + from * FM_LINE_BYTES, *b = product->right;
    const float *start = product->start ? product->start + from * start_step : NULL;
    float *out = product->out + from * out_step;
    __m512 sum[ROWS][2];
    for (int r = 0; r < rows; r++)
        for (int h = 0; h < halves; h++)
            sum[r][h] = start ? _mm512_loadu_ps(start + r * start_step + h * 16) : _mm512_setzero_ps();
    for (int i = terms == 1 ? PAIRS_OF_TERMS - 1 : 0; i < PAIRS_OF_TERMS; i++) {
        const char *x_at = a + term_pairs[i][0] * FM_BLOCK_BYTES, *y_at = b + term_pairs[i][1] * FM_BLOCK_BYTES;
        for (long k = 0; k < blocks; k++, x_at += terms * FM_BLOCK_BYTES, y_at += terms * FM_BLOCK_BYTES)
            for (int pair = 0; pair < FM_PAIRS; pair++) {
                __m512bh columns[2];
                for (int h = 0; h < halves; h++)
                    columns[h] = (__m512bh)_mm512_load_si512(y_at + h * (FM_BLOCK_BYTES / 2) + pair * FM_LINE_BYTES);
#pragma GCC unroll 8
                for (int r = 0; r < rows; r++) {
                    const __m512bh x = (__m512bh)_mm512_set1_epi32(((const int *)(x_at + r * FM_LINE_BYTES))[pair]);
                    for (int h = 0; h < halves; h++)
                        sum[r][h] = _mm512_dpbf16_ps(sum[r][h], x, columns[h]);
                }
            }
    }
    for (int r = 0; r < rows; r++)
        for (int h = 0; h < halves; h++)
            _mm512_storeu_ps(out + r * out_step + h * 16, sum[r][h]);
}

static void nothing(void) {
}

static void multiply(const fm_block_product *product) {
    long r = 0;
#define ROWS_FROM_R(n) (product->halves > 1 ? some_rows(n, 2, r, product) : some_rows(n, 1, r, product))
    for (; r + ROWS <= product->rows; r += ROWS)
        ROWS_FROM_R(ROWS);
    for (; r < product->rows; r++)
        ROWS_FROM_R(1);
}

const fm_bfloat16_product fm_bfloat16_avx512bf16 = {1, nothing, nothing, multiply};
