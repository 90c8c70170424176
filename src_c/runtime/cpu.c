/* This file tells what the running CPU and operating system offer. It is compiled without the flags of any instruction
 * set. */
#define _GNU_SOURCE
#include <time.h>

#include "fastmlp.h"
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#include <xmmintrin.h>
#define FM_X86 1
#endif
#if defined(FM_X86) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#ifdef FM_X86
/* Returns which registers the operating system saves: bits 1 and 2 stand for SSE and AVX, 5 to 7 for the state of
 * AVX-512, 17 and 18 for AMX's tile registers. */
static unsigned long long saved_state(void) {
    unsigned low, high;
    __asm__ volatile(".byte 0x0f, 0x01, 0xd0" : "=a"(low), "=d"(high) : "c"(0)); /* this is xgetbv */
    return (unsigned long long)high << 32 | low;
}
#endif

/* Linux saves the tile registers' 8 KiB only for processes that ask for it; once they may use them, signal handlers
 * need larger stacks. */
enum { TILE_DATA = 18, SUPPORTED = 0x1021, REQUEST_PERMISSION = 0x1023 }; /* these are numbers of arch_prctl */

int fm_cpu_request_amx(void) {
#if defined(FM_X86) && defined(__linux__)
    return !syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA);
#else
    return 0;
#endif
}

#ifdef FM_X86
static int system_has_amx(void) {
#ifdef __linux__
    unsigned long long supported = 0;
    return (saved_state() & 0x60000) == 0x60000 && !syscall(SYS_arch_prctl, SUPPORTED, &supported) &&
           supported >> TILE_DATA & 1;
#else
    return 0;
#endif
}
#endif

int fm_cpu_has(fm_cpu_level level) {
    if (level == FM_CPU_BASELINE)
        return 1;
#ifdef FM_X86
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d))
        return 0;
    const unsigned osxsave = c >> 27 & 1, avx = c >> 28 & 1, fma = c >> 12 & 1;
    if (!osxsave || !avx || !fma || (saved_state() & 0x06) != 0x06)
        return 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return 0;
    const unsigned avx2 = b >> 5 & 1, f = b >> 16 & 1, dq = b >> 17 & 1, bw = b >> 30 & 1, vl = b >> 31 & 1;
    if (level == FM_CPU_AVX2)
        return avx2 != 0;
    const int avx512 = avx2 && f && dq && bw && vl && (saved_state() & 0xe0) == 0xe0;
    if (level == FM_CPU_AVX512)
        return avx512;
    const unsigned amx_bf16 = d >> 22 & 1, amx_tile = d >> 24 & 1;
    if (level == FM_CPU_AMX)
        return avx512 && amx_bf16 && amx_tile && system_has_amx();
    if (level == FM_CPU_AVX512BF16)
        return avx512 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && a >> 5 & 1;
#endif
    return 0;
}

unsigned fm_denormals_flush(void) {
#ifdef FM_X86
    const unsigned mode = _mm_getcsr();
    _mm_setcsr(mode | 0x8040); /* results are flushed to zero, and denormal numbers read as zero */
    return mode;
#elif defined(__aarch64__)
    unsigned long mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    __asm__ volatile("msr fpcr, %0" : : "r"(mode | 1ul << 24));
    return (unsigned)mode;
#else
    return 0;
#endif
}

void fm_denormals_restore(unsigned mode) {
#ifdef FM_X86
    _mm_setcsr(mode);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"((unsigned long)mode));
#else
    (void)mode;
#endif
}

static double seconds_of(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double fm_seconds(void) {
    return seconds_of(CLOCK_MONOTONIC);
}

double fm_cpu_seconds(void) {
    return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}
