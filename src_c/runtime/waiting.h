/* This file has a thread wait until another changes a number: it looks at it over and over, or sleeps. */
#ifndef FASTMLP_WAITING_H
#define FASTMLP_WAITING_H
#include <stdatomic.h>
#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#else
#include <pthread.h>
#endif

#define FM_SPINS_PER_LOOK 64 /* a look is one at the clock */

static inline void fm_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Sleeps while the number is value, or for less time. Whoever changes the number must wake those that sleep
 * afterwards. */
#ifdef __linux__
static inline void fm_sleep_while(atomic_int *at, int value) {
    syscall(SYS_futex, at, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static inline void fm_wake_all(atomic_int *at) {
    syscall(SYS_futex, at, FUTEX_WAKE_PRIVATE, 0x7fffffff, NULL, NULL, 0);
}

static inline void fm_forget_sleepers(void) {
}
#else
static pthread_mutex_t fm_sleep_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t fm_sleep_changed = PTHREAD_COND_INITIALIZER;

static inline void fm_sleep_while(atomic_int *at, int value) {
    pthread_mutex_lock(&fm_sleep_mutex);
    while (atomic_load(at) == value)
        pthread_cond_wait(&fm_sleep_changed, &fm_sleep_mutex);
    pthread_mutex_unlock(&fm_sleep_mutex);
}

static inline void fm_wake_all(atomic_int *at) {
    (void)at;
    pthread_mutex_lock(&fm_sleep_mutex); /* nobody is between looking at the number and falling asleep */
    pthread_mutex_unlock(&fm_sleep_mutex);
    pthread_cond_broadcast(&fm_sleep_changed);
}

/* In the child of a fork the mutex may have been held by a thread that fell asleep then and is not there to give it
 * back. */
static inline void fm_forget_sleepers(void) {
    pthread_mutex_init(&fm_sleep_mutex, NULL);
    pthread_cond_init(&fm_sleep_changed, NULL);
}
#endif
#endif
