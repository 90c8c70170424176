/* This instruction set is AVX2 with fused multiply-adds. */
#include <immintrin.h>

#define FM_ISA avx2
#define FM_VECTOR_BYTES 32
#define FM_FORWARD_ROWS 6
#define FM_GRADIENT_ROWS 6
#define FM_SHORT 0
#define FM_CEILING_SUMS 12
#define FM_HAS_SQRT 1
#define FM_HAS_MAX 1
#define FM_HAS_FAST_ROOTS 0
#define FM_HAS_MASKS 0
#define FM_HAS_LANE_PICKS 0
#define FM_HAS_NARROW 0
#define FM_HAS_BFLOAT16 0
#define FM_HAS_PRODUCT_AT 0
#define FM_ROWS_READ_TWICE(rows) 0

#if FM_BITS == 32
#define FM_INTRINSIC(name) _mm256_##name##_ps
#define FM_REGISTER __m256
#else
#define FM_INTRINSIC(name) _mm256_##name##_pd
#define FM_REGISTER __m256d
#endif
#define FM_SQRT(x) (vec) FM_INTRINSIC(sqrt)((FM_REGISTER)(x))
#define FM_MAX(x, y) (vec) FM_INTRINSIC(max)((FM_REGISTER)(x), (FM_REGISTER)(y))
#define FM_MIN(x, y) (vec) FM_INTRINSIC(min)((FM_REGISTER)(x), (FM_REGISTER)(y))
