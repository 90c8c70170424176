/* This is plain C for any CPU, one element at a time. */
#define FM_ISA scalar
#define FM_VECTOR_BYTES (FM_BITS / 8)
#define FM_FORWARD_ROWS 4
#define FM_GRADIENT_ROWS 4
#define FM_SHORT 0
#define FM_CEILING_SUMS 12
#define FM_HAS_SQRT 0
#define FM_HAS_MAX 0
#define FM_HAS_FAST_ROOTS 0
#define FM_HAS_MASKS 0
#define FM_HAS_LANE_PICKS 0
#define FM_HAS_NARROW 0
#define FM_HAS_BFLOAT16 0
#define FM_HAS_PRODUCT_AT 0
#define FM_ROWS_READ_TWICE(rows) 0
