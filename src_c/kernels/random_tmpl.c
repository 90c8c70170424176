/* This file has dropout, noise and random bits. The random numbers come by counting: each is a hash of key, row and column, so that
 * they depend neither on threads nor on vectors, and the way back has the numbers of the way forward. */

/* Mixes the 64 bits of a number well (it is the finaliser of SplitMix64). */
FM_INLINE uint64_t FM(mixed)(uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

FM_INLINE uint64_t FM(key_of_row)(const fm_mask *mask, long row) {
    return FM(mixed)(mask->key + 0x9e3779b97f4a7c15u * (uint64_t)(mask->row + row + 1));
}

/* These vectors have numbers of 32 bits, as many as a vector has lanes. */
typedef uint32_t FM(numbers32) __attribute__((vector_size(4 * (FM_VECTOR_BYTES / sizeof(FM_REAL)))));
typedef int32_t FM(signs32) __attribute__((vector_size(4 * (FM_VECTOR_BYTES / sizeof(FM_REAL)))));
#define numbers32 FM(numbers32)

/* Returns the random numbers of columns first, first + 1, ...: three rounds of multiplying and shifting, with half of
 * the key before the first round and half before the last. */
FM_INLINE numbers32 FM(random)(uint64_t key, uint32_t first) {
    numbers32 x;
    for (uint32_t i = 0; i < FM_LANES; i++)
        x[i] = i;
    x = (x + (first + 1)) * 0x9e3779b9u + (uint32_t)key;
    x = (x ^ x >> 17) * 0xed5ad4bbu;
    x = (x ^ x >> 11) * 0xac4c1b51u;
    x += (uint32_t)(key >> 32);
    x = (x ^ x >> 15) * 0x31848babu;
    return x ^ x >> 14;
}

/* Returns the factors by which a mask multiplies columns first, first + 1, ...: 0 or its scale. */
FM_INLINE vec FM(share_of_mask)(const fm_mask *mask, uint64_t key, uint32_t first) {
    const FM(signs32) stays = (FM(signs32))(FM(random)(key, first) >= mask->threshold);
    return v_select(__builtin_convertvector(stays, ivec), v_all((FM_REAL)mask->scale), v_all(0));
}

static void FM(drop)(const fm_rows *rows, void *to, const fm_mask *mask) {
    const FM_REAL *from = rows->at;
    const long n = rows->rows, width = rows->width, stride = rows->stride;
    for (long r = 0; r < n; r++) {
        const uint64_t key = FM(key_of_row)(mask, r);
        for (long panel = 0; panel * FM_PANEL < width; panel++) {
            const ptrdiff_t offset = (panel * stride + r) * FM_PANEL;
            for (long v = 0; v < FM_PANEL_VECTORS; v++)
                ((vec *)((FM_REAL *)to + offset))[v] =
                    ((const vec *)(from + offset))[v] *
                    FM(share_of_mask)(mask, key, (uint32_t)(panel *FM_PANEL + v *FM_LANES));
        }
    }
}

/* Returns cos(2 pi u) for 0 <= u < 1, by Taylor's series of the sine around the middle. Its error is below 1e-9. */
FM_INLINE vec FM(cosine_of_turn)(vec u) {
    const vec x = (v_abs(u - (FM_REAL)0.5) - (FM_REAL)0.25) * (FM_REAL)6.283185307179586, square = x * x;
    vec p = v_all((FM_REAL)(1.0 / 6227020800));
    p = p * square - (FM_REAL)(1.0 / 39916800);
    p = p * square + (FM_REAL)(1.0 / 362880);
    p = p * square - (FM_REAL)(1.0 / 5040);
    p = p * square + (FM_REAL)(1.0 / 120);
    p = p * square - (FM_REAL)(1.0 / 6);
    return x + x * square * p;
}

/* Returns random numbers between 0 and 1, each in the middle of one of 2^23 steps, so that neither end occurs in single
 * precision. */
FM_INLINE vec FM(uniform)(uint64_t key, uint32_t first) {
    const FM(signs32) number = (FM(signs32))(FM(random)(key, first) >> 9);
    return (__builtin_convertvector(number, vec) + (FM_REAL)0.5) * (FM_REAL)1.1920928955078125e-07;
}

/* The normal numbers come by the method of Box and Muller. */
static void FM(add_noise)(const fm_rows *rows, const fm_mask *mask) {
    const long n = rows->rows, width = rows->width, stride = rows->stride;
    for (long r = 0; r < n; r++) {
        const uint64_t key = FM(key_of_row)(mask, r);
        for (long panel = 0; panel * FM_PANEL < width; panel++) {
            vec *at = (vec *)((FM_REAL *)rows->at + (panel * stride + r) * FM_PANEL);
            for (long v = 0; v < FM_PANEL_VECTORS; v++) {
                const uint32_t first = (uint32_t)(panel * FM_PANEL + v * FM_LANES);
                const vec radius = v_sqrt(v_log(FM(uniform)(key, first)) * (FM_REAL)-2);
                at[v] += (FM_REAL)mask->scale * radius * FM(cosine_of_turn)(FM(uniform)(~key, first));
            }
        }
    }
}

/* A probability of 0 never gives 1, and one of 1 always does, since the numbers lie between both. */
static void FM(bernoulli)(const fm_rows *rows, void *to, const fm_mask *mask) {
    const long n = rows->rows, width = rows->width, stride = rows->stride;
    for (long r = 0; r < n; r++) {
        const uint64_t key = FM(key_of_row)(mask, r);
        for (long panel = 0; panel * FM_PANEL < width; panel++) {
            const ptrdiff_t offset = (panel * stride + r) * FM_PANEL;
            const vec *from = (const vec *)((const FM_REAL *)rows->at + offset);
            for (long v = 0; v < FM_PANEL_VECTORS; v++) {
                const vec number = FM(uniform)(key, (uint32_t)(panel * FM_PANEL + v * FM_LANES));
                ((vec *)((FM_REAL *)to + offset))[v] = v_select(number < from[v], v_all(1), v_all(0));
            }
        }
    }
}
#undef numbers32
