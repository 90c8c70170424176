/* The threads of this file help with a piece of work as far as they come in time.
 *
 * A team of OpenMP's threads ends its work together: whoever shares out a tenth of a millisecond of work waits for each
 * thread to get a CPU, if only to find out that nothing is left to do, and on a busy machine that takes the scheduler's
 * time slices. Here the work is a number of shares that whoever is there takes one after another, the caller too. When
 * none is left the caller sends away the helpers that have not begun, and waits for those that have.
 *
 * There are as many helpers as were ever asked for at once. All callers share them, and they sleep when nobody calls.
 * Each belongs to the caller that made it HELD until that caller makes it IDLE again. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "fastmlp.h"
#include "waiting.h"

#define MAX_HELPERS 1023
#define STACK_BYTES (4 << 20)
/* A helper that has done its work looks out for more for so long before it sleeps, and so does a caller for its
 * helpers' last shares. */
#define HELPER_SPINS_SECONDS 30e-6
#define CALLER_SPINS_SECONDS 100e-6
/* A helper works for so long before it lets others have the CPU. It is a small part of any scheduler's time slice. */
#define YIELD_SECONDS 100e-6

enum { ABSENT, IDLE, HELD, OFFERED, WORKING, DONE };

typedef struct {
    _Alignas(64) atomic_int state;
    atomic_int sleepers;
    fm_call *call;
    int number, next;
} helper;

static helper helpers[MAX_HELPERS];
static pthread_mutex_t creation = PTHREAD_MUTEX_INITIALIZER;

static int swap(helper *one, int from, int to) {
    return atomic_compare_exchange_strong(&one->state, &from, to);
}

static void tell(helper *one, int state) {
    atomic_store(&one->state, state);
    if (atomic_load(&one->sleepers))
        fm_wake_all(&one->state);
}

/* Waits until the state is, or is no longer, a certain one. */
static void await(helper *one, int state, int is, double spins_seconds) {
    const double deadline = fm_seconds() + spins_seconds;
    int now;
    do
        for (int i = 0; i < FM_SPINS_PER_LOOK; i++) {
            if ((atomic_load_explicit(&one->state, memory_order_acquire) == state) == is)
                return;
            fm_pause();
        }
    while (fm_seconds() < deadline);
    atomic_fetch_add(&one->sleepers, 1);
    while (((now = atomic_load(&one->state)) == state) != is)
        fm_sleep_while(&one->state, now);
    atomic_fetch_sub(&one->sleepers, 1);
}

/* Between two shares a helper is as good as not begun: whoever waits for the CPU gets it then, and not in the middle of
 * a share, for which the caller would have to wait. */
static void *help(void *argument) {
    helper *one = argument;
    while (1) {
        double now, yielded = 0, waited = 0, called = 0;
        await(one, OFFERED, 1, HELPER_SPINS_SECONDS);
        for (int more = 1; more;) {
            now = fm_seconds();
            if (now - yielded > YIELD_SECONDS) {
                sched_yield();
                yielded = fm_seconds();
                waited = yielded - now > waited ? yielded - now : waited;
            }
            if (!swap(one, OFFERED, WORKING))
                break;
            const fm_call *call = one->call;
            if (call->called != called) {
                called = call->called;
                waited = fm_seconds() - called;
            }
            more = call->function(call->network, call->rows, call->work, one->number, waited);
            tell(one, more ? OFFERED : DONE);
        }
    }
    return NULL;
}

/* The child of a fork has the caller's thread alone, and no helpers. */
static void forget(void) {
    memset(helpers, 0, sizeof helpers);
    pthread_mutex_init(&creation, NULL);
    fm_forget_sleepers();
}

/* Makes a helper, which is HELD; returns 0 where the system gives no more threads. */
static int create(helper *one) {
    static int minds_forks = 0;
    int made = 0;
    pthread_mutex_lock(&creation);
    if (!minds_forks)
        minds_forks = pthread_atfork(NULL, NULL, forget) == 0;
    if (minds_forks && swap(one, ABSENT, HELD)) {
        pthread_t thread;
        pthread_attr_t attributes;
        sigset_t all, before;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, STACK_BYTES);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        /* Signals are for Python's threads. */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        made = pthread_create(&thread, &attributes, help, one) == 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attributes);
        if (!made)
            atomic_store(&one->state, ABSENT);
    }
    pthread_mutex_unlock(&creation);
    return made;
}

void fm_call_helpers(fm_call *call, int n) {
    call->first = -1;
    call->called = fm_seconds();
    for (int i = 0; i < n && i < MAX_HELPERS; i++) {
        helper *one = &helpers[i];
        if (!swap(one, IDLE, HELD) && !(atomic_load(&one->state) == ABSENT && create(one))) {
            if (atomic_load(&one->state) == ABSENT)
                break; /* to be told so takes as long each time as to get a thread */
            continue;  /* it helps another caller */
        }
        one->call = call;
        one->number = i + 1;
        one->next = call->first;
        call->first = i;
        tell(one, OFFERED);
    }
}

void fm_dismiss_helpers(fm_call *call) {
    for (int i = call->first, next; i >= 0; i = next) {
        helper *one = &helpers[i];
        next = one->next; /* what follows may give it to another caller */
        while (!swap(one, OFFERED, IDLE) && !swap(one, DONE, IDLE))
            await(one, WORKING, 0, CALLER_SPINS_SECONDS);
    }
    call->first = -1;
}

long fm_take(long *taken, long n) {
    return atomic_fetch_add((atomic_long *)taken, n);
}
