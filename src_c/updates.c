/* What is the same for every weight of a step: hyperparameters h and the 1-based step number t become the constants c
 * of the rule's vector code (updates_tmpl.c). */
#include <math.h>

#include "fastmlp.h"

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
    c[0] = h[0] * sqrt(1 - pow(h[2], t)) / (1 - pow(h[1], t));
    c[1] = h[1];
    c[2] = 1 - h[1];
    c[3] = h[2];
    c[4] = 1 - h[2];
    c[5] = h[3];
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
#include "updates.def"
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
