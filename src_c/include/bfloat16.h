/* Products of bfloat16 numbers, with sums in float32: how their operands lie, and who multiplies them.
 *
 * A float32 number is given by one term, which is the number rounded to bfloat16, or is split into three terms whose
 * sum it is: the number rounded, what that leaves, rounded, and the rest. Of the nine products of two numbers' terms
 * six are summed. The other three come to at most 2^-23 of the numbers' product, mostly to much less. AMX adds within
 * each block first, and its sums have 0.4 to 0.9 times the error of float32 products' sums; they have up to 1.3 times
 * that where few products make up all of the sum, or all have one sign. (What is infinite or beyond 3.38e38 becomes NaN
 * when it is split, and what lies below 2^-126 is lost.)
 *
 * The inner index is cut into blocks of 32. The numbers j and j + 16 of a block make a pair, one 32-bit word, with the
 * first in its low half. A line is 16 pairs, 64 bytes.
 *   left operand   has a line per row in each block, with the row's 16 pairs
 *   right operand  has, in each block and for 16 columns at a time, a line per pair, with the 16 columns' pairs
 * The matrix of one panel (32 columns of the result) and one block is 2 KiB on either side, for each term, and one
 * term's follows another's. Beyond the end of the inner index both sides hold zeros. A left operand's lines past its
 * last row hold anything, and make sums that nobody stores. */
#ifndef BFLOAT16_H
#define BFLOAT16_H
#include <stddef.h>
#include <stdint.h>

#include "fastmlp.h"

#define FM_BLOCK 32
#define FM_BLOCK_BYTES 2048
#define FM_LINE_BYTES 64
#define FM_PAIRS 16
#define FM_TERMS 3 /* a number has no more terms than this */

/* Calls body(left term, right term) for the pairs of terms with small products, in such an order that one of them
 * stays. These products are summed over the whole inner index before the large ones, of terms 0 and 0, since rounding
 * errors are small while sums are. */
#define FM_SMALL_PAIRS(body) body(2, 0) body(1, 0) body(1, 1) body(0, 1) body(0, 2)

/* What a product asks the caches for while it computes: so many bytes at each place that will be written soon, and so
 * many from where others will be read. */
#define FM_PLACES (1 + FM_MAX_SLOTS) /* a layer's weights and slots are such places */
typedef struct {
    int n_written;
    long written_bytes, read_bytes;
    const char *written[FM_PLACES];
    const char *read;
} fm_soon;

/* out[r][c] = start[r][c] + the sum over blocks of left[r] right[c], for each row r and the 16 columns c of each
 * half. */
typedef struct {
    int terms;        /* 1 or FM_TERMS */
    int halves;       /* 1 or 2 */
    long rows;        /* FM_BLOCK or less */
    long blocks;      /* of either operand; they lie one after another */
    const void *left; /* [blocks][terms] matrices; lines may be read up to row 31 */
    const void *right;
    const float *start; /* NULL for zero */
    long start_step;    /* floats between rows; 0 where all rows start alike */
    float *out;
    long out_step; /* floats between rows */
    const fm_soon *soon;
} fm_block_product;

typedef struct {
    /* With at most so many terms of each operand the hardware is faster than products of float32 numbers. */
    int terms;
    /* These are called before the first and after the last of several products in a row, on the same thread. */
    void (*begin)(void);
    void (*end)(void);
    void (*multiply)(const fm_block_product *product);
} fm_bfloat16_product;

extern const fm_bfloat16_product fm_bfloat16_amx, fm_bfloat16_avx512bf16;

/* dispatch.c: which product is used. fm_bfloat16_choose() takes its name, or NULL for the fastest of this machine, and
 * returns 0 where the machine lacks it. The name "" stands for none: fm_bfloat16_chosen() is NULL then, and plain C
 * multiplies. The operating system is asked for what the product needs when it is chosen or first used;
 * fm_bfloat16_name() tells, without asking, which one it will be. */
const fm_bfloat16_product *fm_bfloat16_chosen(void);
int fm_bfloat16_choose(const char *name);
const char *fm_bfloat16_name(void);
int fm_bfloat16_terms(void); /* Returns 1 where there is none. */

#endif
