/* This file makes what is the same for every weight of an update: the hyperparameters h and the number t of the update,
 * which counts from 1, become the constants c of the rule's vector code (kernels/rules_tmpl.c). */
#include <math.h>

#include "fastmlp.h"

/* Writes a decay rate and what it leaves for the new value. */
static void decay(double rate, double *c) {
    c[0] = rate;
    c[1] = 1 - rate;
}

static void prepare_sgd(const double *h, double t, double *c) {
    (void)t;
    c[0] = h[0];
}

static void prepare_momentum(const double *h, double t, double *c) {
    (void)t;
    c[0] = h[0];
    c[1] = h[1];
}

static void prepare_nesterov(const double *h, double t, double *c) {
    prepare_momentum(h, t, c);
}

static void prepare_adam(const double *h, double t, double *c) {
    const double root = sqrt(1 - pow(h[2], t));
    c[0] = h[0] * root / (1 - pow(h[1], t));
    decay(h[1], c + 1);
    decay(h[2], c + 3);
    /* m / (sqrt(v) / root + epsilon) is root m / (sqrt(v) + root epsilon), which must not be flushed to zero. */
    c[5] = h[4] != 0 ? h[3] : fmax(h[3] * root, 0x1p-1022);
}

static void prepare_adamw(const double *h, double t, double *c) {
    prepare_adam(h, t, c);
    c[6] = 1 - h[0] * h[5];
}

static void prepare_amsgrad(const double *h, double t, double *c) {
    prepare_adamw(h, t, c);
}

static void prepare_nadam(const double *h, double t, double *c) {
    (void)t;
    c[0] = h[0];
    decay(h[2], c + 1);
    decay(h[3], c + 3);
    c[5] = h[4];
    c[6] = h[1];
}

static void prepare_adagrad(const double *h, double t, double *c) {
    (void)t;
    c[0] = h[0];
    c[1] = h[1];
}

static void prepare_adadelta(const double *h, double t, double *c) {
    (void)t;
    c[0] = h[0];
    decay(h[1], c + 1);
    c[3] = h[2];
}

static void prepare_rmsprop(const double *h, double t, double *c) {
    (void)t;
    c[0] = h[0];
    decay(h[1], c + 1);
    c[3] = h[3];
    c[4] = h[2];
}

static void prepare_rmsprop_centered(const double *h, double t, double *c) {
    prepare_rmsprop(h, t, c);
}

static void prepare_rmsprop_momentum(const double *h, double t, double *c) {
    prepare_rmsprop(h, t, c);
}

static void prepare_rmsprop_centered_momentum(const double *h, double t, double *c) {
    prepare_rmsprop(h, t, c);
}

static void prepare_lion(const double *h, double t, double *c) {
    (void)t;
    c[0] = h[0];
    decay(h[1], c + 1);
    decay(h[2], c + 3);
    c[5] = 1 - h[0] * h[3];
}

static void prepare_rprop(const double *h, double t, double *c) {
    (void)t;
    for (int i = 0; i < 4; i++)
        c[i] = h[i];
}

static void prepare_schedulefreeadamw(const double *h, double t, double *c) {
    (void)t;
    c[0] = h[0];
    c[1] = h[1];
    c[2] = h[0] * (1 - h[2] * (1 - h[1]));
    decay(h[3], c + 3);
    c[5] = h[4];
    c[6] = h[5];
}

static void prepare_gradient(const double *h, double t, double *c) {
    (void)h, (void)t, (void)c;
}

static const struct {
    const char *name;
    int slots;
    void (*prepare)(const double *, double, double *);
} rules[] = {
#define FM_RULE(name, slots) {#name, slots, prepare_##name},
#include "tables/rules.def"
#undef FM_RULE
};
#define COUNT ((int)(sizeof rules / sizeof rules[0]))

const char *fm_rule_name(int i) {
    return i < COUNT ? rules[i].name : NULL;
}

int fm_rule_slots(int i) {
    return rules[i].slots;
}

void fm_rule_prepare(int i, const double *hyper, double t, double *constants) {
    rules[i].prepare(hyper, t, constants);
}
