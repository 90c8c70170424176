/* This file has the table of instruction sets, narrowest first, and the names of the tables' members. setup.py defines
 * FM_WITH_<ISA> for each instruction set whose stubs were compiled. */
#include <stdatomic.h>
#include <string.h>

#include "bfloat16.h"
#include "fastmlp.h"

#define FM_DECLARE(isa) extern const fm_kernels fm_kernels_##isa##_32, fm_kernels_##isa##_64;
FM_DECLARE(scalar)
#ifdef FM_WITH_SSE2
FM_DECLARE(sse2)
#endif
#ifdef FM_WITH_AVX2
FM_DECLARE(avx2)
#endif
#ifdef FM_WITH_AVX512
FM_DECLARE(avx512)
#endif
#ifdef FM_WITH_NEON
FM_DECLARE(neon)
#endif

static const struct {
    const char *name;
    fm_cpu_level needs;
    const fm_kernels *single_precision, *double_precision;
} isas[] = {
    {"scalar", FM_CPU_BASELINE, &fm_kernels_scalar_32, &fm_kernels_scalar_64},
#ifdef FM_WITH_SSE2
    {"sse2", FM_CPU_BASELINE, &fm_kernels_sse2_32, &fm_kernels_sse2_64},
#endif
#ifdef FM_WITH_AVX2
    {"avx2", FM_CPU_AVX2, &fm_kernels_avx2_32, &fm_kernels_avx2_64},
#endif
#ifdef FM_WITH_AVX512
    {"avx512", FM_CPU_AVX512, &fm_kernels_avx512_32, &fm_kernels_avx512_64},
#endif
#ifdef FM_WITH_NEON
    {"neon", FM_CPU_BASELINE, &fm_kernels_neon_32, &fm_kernels_neon_64},
#endif
};
#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int fm_isa_count(void) {
    return COUNT(isas);
}

const char *fm_isa_name(int isa) {
    return isas[isa].name;
}

int fm_isa_supported(int isa) {
    return fm_cpu_has(isas[isa].needs);
}

int fm_isa_vector_bytes(int isa) {
    return isas[isa].single_precision->vector_bytes;
}

int fm_isa_has_bfloat16(int isa) {
    return isas[isa].single_precision->has_bfloat16;
}

const fm_kernels *fm_isa_kernels(int isa, int bits) {
    return bits == 32 ? isas[isa].single_precision : isas[isa].double_precision;
}

/* These are the products of bfloat16 numbers, the fastest first; the last row stands for none. */
static const struct {
    const char *name;
    fm_cpu_level needs;
    int (*request)(void); /* asks the operating system; NULL where it need not be asked */
    const fm_bfloat16_product *product;
} bfloat16_products[] = {
#ifdef FM_WITH_AMX
    {"amx", FM_CPU_AMX, fm_cpu_request_amx, &fm_bfloat16_amx},
#endif
#ifdef FM_WITH_AVX512BF16
    {"avx512bf16", FM_CPU_AVX512BF16, NULL, &fm_bfloat16_avx512bf16},
#endif
    {"", FM_CPU_BASELINE, NULL, NULL},
};
static atomic_int chosen = -1; /* nobody has asked yet; threads that ask first at the same time get the same answer */

int fm_bfloat16_choose(const char *name) {
    for (int i = 0; i < COUNT(bfloat16_products); i++)
        if ((!name || !strcmp(name, bfloat16_products[i].name)) && fm_cpu_has(bfloat16_products[i].needs) &&
            (!bfloat16_products[i].request || bfloat16_products[i].request())) {
            atomic_store_explicit(&chosen, i, memory_order_relaxed);
            return 1;
        }
    return 0;
}

const char *fm_bfloat16_name(void) {
    int i = atomic_load_explicit(&chosen, memory_order_relaxed);
    i = i < 0 ? 0 : i;
    while (!fm_cpu_has(bfloat16_products[i].needs))
        i++;
    return bfloat16_products[i].name;
}

const fm_bfloat16_product *fm_bfloat16_chosen(void) {
    if (atomic_load_explicit(&chosen, memory_order_relaxed) < 0)
        fm_bfloat16_choose(NULL);
    return bfloat16_products[atomic_load_explicit(&chosen, memory_order_relaxed)].product;
}

int fm_bfloat16_terms(void) {
    const fm_bfloat16_product *product = fm_bfloat16_chosen();
    return product ? product->terms : 1;
}

static const char source_codes[] = {
#define FM_SOURCE(code, name, type, value) code,
#include "tables/sources.def"
#undef FM_SOURCE
    '\0'};

const char *fm_source_codes(void) {
    return source_codes;
}

static const struct {
    const char *name;
    int parameters, learnable, sloped;
} activations[] = {
#define FM_ACTIVATION(name, parameters, learnable, ...) {#name, parameters, learnable, 0},
#define FM_SLOPED(name, parameters, learnable, ...) {#name, parameters, learnable, 1},
#include "tables/activations.def"
#undef FM_ACTIVATION
#undef FM_SLOPED
};

const char *fm_activation_name(int i) {
    return i < COUNT(activations) ? activations[i].name : NULL;
}

int fm_activation_parameters(int i) {
    return activations[i].parameters;
}

int fm_activation_learnable(int i) {
    return activations[i].learnable;
}

int fm_activation_sloped(int i) {
    return i >= COUNT(activations) || activations[i].sloped; /* the one past the end is native */
}

static const struct {
    const char *name;
    int takes_classes;
    const char *link;
} losses[] = {
#define FM_LOSS(name, takes_classes, link) {#name, takes_classes, #link},
#include "tables/losses.def"
#undef FM_LOSS
};

const char *fm_loss_name(int i) {
    return i < COUNT(losses) ? losses[i].name : NULL;
}

int fm_loss_takes_classes(int i) {
    return losses[i].takes_classes;
}

const char *fm_loss_link(int i) {
    return losses[i].link;
}
