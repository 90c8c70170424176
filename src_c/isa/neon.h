/* This instruction set is NEON, which every ARM CPU of 64 bits has. */
#include <arm_neon.h>

#define FM_ISA neon
#define FM_VECTOR_BYTES 16
#define FM_FORWARD_ROWS 12
#define FM_GRADIENT_ROWS 8
#define FM_SHORT 0
#define FM_CEILING_SUMS 24 /* enough for four multipliers of four cycles each */
#define FM_HAS_SQRT 1
#define FM_HAS_MAX 0 /* its maximum is NaN where one of both is */
#define FM_HAS_FAST_ROOTS 0
#define FM_HAS_MASKS 0
#define FM_HAS_LANE_PICKS 0
#define FM_HAS_NARROW 0
#define FM_HAS_BFLOAT16 0
#define FM_HAS_PRODUCT_AT 0
#define FM_ROWS_READ_TWICE(rows) 0

#if FM_BITS == 32
#define FM_SQRT(x) (vec) vsqrtq_f32((float32x4_t)(x))
#else
#define FM_SQRT(x) (vec) vsqrtq_f64((float64x2_t)(x))
#endif
