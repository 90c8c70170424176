/* Tells ThreadSanitizer where OpenMP's parallel regions begin and end.
 *
 * libgomp synchronises its threads in ways that the sanitizer does not see: it would take all that a region reads from
 * before its beginning, and all that is read of it after its end, for races. Preloaded, this takes the place of libgomp's
 * entry and says what OpenMP promises: what was done before the region is seen by its threads, what they do is seen after
 * it. The same of OpenMP's own barrier. The engine's (barrier.c) is compiled with the sanitizer, which sees what it does. */
#define _GNU_SOURCE
#include <dlfcn.h>

void __tsan_acquire(void *at);
void __tsan_release(void *at);

typedef struct {
    void (*function)(void *);
    void *data;
    char begin, middle, end; /* what threads synchronise on */
} region;

static __thread region *current;

static void enter(void *argument) {
    region *const around = current, *const here = argument;
    current = here;
    __tsan_acquire(&here->begin);
    here->function(here->data);
    __tsan_release(&here->end);
    current = around;
}

void GOMP_parallel(void (*function)(void *), void *data, unsigned n_threads, unsigned flags) {
    typedef void (*entry)(void (*)(void *), void *, unsigned, unsigned);
    region here = {function, data, 0, 0, 0};
    __tsan_release(&here.begin);
    ((entry)dlsym(RTLD_NEXT, "GOMP_parallel"))(enter, &here, n_threads, flags);
    __tsan_acquire(&here.end);
}

/* Before a prange, since Cython has its index both come in and go out. */
void GOMP_barrier(void) {
    typedef void (*entry)(void);
    __tsan_release(&current->middle);
    ((entry)dlsym(RTLD_NEXT, "GOMP_barrier"))();
    __tsan_acquire(&current->middle);
}
