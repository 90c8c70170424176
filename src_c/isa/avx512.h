/* This instruction set is AVX-512 with its extensions F, VL, DQ and BW. */
#include <immintrin.h>

#define FM_ISA avx512
#define FM_VECTOR_BYTES 64
#define FM_FORWARD_ROWS 13
#define FM_GRADIENT_ROWS 11
#define FM_SHORT 12
#define FM_CEILING_SUMS 12
#define FM_HAS_SQRT 1
#define FM_HAS_MAX 1
#define FM_HAS_FAST_ROOTS 1
#define FM_HAS_MASKS 1
#define FM_HAS_LANE_PICKS 1
#define FM_HAS_NARROW 1
#define FM_HAS_BFLOAT16 1

#if FM_BITS == 32
#define FM_INTRINSIC(name) _mm512_##name##_ps
#define FM_REGISTER __m512
#define FM_MASK __mmask16
#define FM_FIXES(table) _mm512_set1_epi32(table)
#define FM_LOAD_FOUR(x, lane, at)                                                             \
    (vec) _mm512_mask_broadcast_f32x4((__m512)(x), (FM_MASK)(15 << (lane)), _mm_loadu_ps(at))
#define FM_FOUR(x, number) (vec) _mm512_zextps128_ps512(_mm512_extractf32x4_ps((__m512)(x), number))
#else
#define FM_INTRINSIC(name) _mm512_##name##_pd
#define FM_REGISTER __m512d
#define FM_MASK __mmask8
#define FM_FIXES(table) _mm512_set1_epi64(table)
#define FM_LOAD_FOUR(x, lane, at)                                                                 \
    (vec) _mm512_mask_broadcast_f64x4((__m512d)(x), (FM_MASK)(15 << (lane)), _mm256_loadu_pd(at))
#define FM_FOUR(x, number) (vec) _mm512_zextpd256_pd512(_mm512_extractf64x4_pd((__m512d)(x), number))
#endif
#define FM_SQRT(x) (vec) FM_INTRINSIC(sqrt)((FM_REGISTER)(x))
#define FM_MAX(x, y) (vec) FM_INTRINSIC(max)((FM_REGISTER)(x), (FM_REGISTER)(y))
#define FM_MIN(x, y) (vec) FM_INTRINSIC(min)((FM_REGISTER)(x), (FM_REGISTER)(y))
#define FM_ROOT_ESTIMATE(x) (vec) FM_INTRINSIC(rsqrt14)((FM_REGISTER)(x))
#define FM_FIX_UP(x, of, table) (vec) FM_INTRINSIC(fixupimm)((FM_REGISTER)(x), (FM_REGISTER)(of), FM_FIXES(table), 0)
#define FM_LOAD_SOME(there, at) (vec) FM_INTRINSIC(maskz_loadu)((FM_MASK)(there), at)
#define FM_PICK_LANES(x, lanes, y)                                                         \
    (vec) FM_INTRINSIC(permutex2var)((FM_REGISTER)(x), (__m512i)(lanes), (FM_REGISTER)(y))
#define FM_SET_WHERE_NAN(y, x, bits)                                                                             \
    _mm512_mask_or_epi32((__m512i)(y), _mm512_cmp_ps_mask((__m512)(x), (__m512)(x), _CMP_UNORD_Q), (__m512i)(x), \
                         _mm512_set1_epi32(bits))
/* Takes x, or y where codes are above most and x is from; and x + y where they are above most. */
#define FM_BYTES_MOVED(x, codes, most, from, y)                                                                     \
    (bytes)                                                                                                         \
        _mm512_mask_mov_epi8((__m512i)(x),                                                                          \
                             _mm512_mask_cmpeq_epu8_mask(_mm512_cmpgt_epu8_mask((__m512i)(codes), (__m512i)(most)), \
                                                         (__m512i)(x), (__m512i)(from)),                            \
                             (__m512i)(y))
#define FM_BYTES_RAISED(x, codes, most, y)                                                                \
    (bytes) _mm512_mask_add_epi8((__m512i)(x), _mm512_cmpgt_epu8_mask((__m512i)(codes), (__m512i)(most)), \
                                 (__m512i)(x), (__m512i)(y))

/* The sanitizers do not see what assembler code reads. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FM_HAS_PRODUCT_AT 0
#define FM_ROWS_READ_TWICE(rows) 0
#else
#define FM_HAS_PRODUCT_AT 1
#if FM_BITS == 32
#define FM_ADD_PRODUCT_AT(sum, at, b) __asm__("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(b), "m"(*(at)))
#else
#define FM_ADD_PRODUCT_AT(sum, at, b) __asm__("vfmadd231pd %2%{1to8%}, %1, %0" : "+v"(sum) : "v"(b), "m"(*(at)))
#endif
/* A core with two multiplications and two reads a cycle then has 9 reads to do in 5 cycles. Where another thread shares
 * that core, instructions are scarcer than either. */
#define FM_ROWS_READ_TWICE(rows) ((4 * (rows) - 10) / 5)
#endif
