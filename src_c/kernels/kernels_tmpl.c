/* All kernels of one instruction set and one element type, and the table that hands them out. A stub
 * isa/<name>_<bits>.c includes this file after isa/<name>.h, which says what the instruction set can do
 * (capabilities.h). Each stub is compiled alone. Helpers are static: were they shared, the linker could keep the copy
 * compiled for a wider instruction set than the CPU has. */
#include <math.h>
#include <string.h>

#include "bfloat16.h"
#include "fastmlp.h"
#include "kernels/capabilities.h"
#include "real.h"
#define FM_INLINE static inline __attribute__((always_inline))

#include "vector_tmpl.c"
#include "elementary_tmpl.c"
#include "lanes_tmpl.c"
#include "ceiling_tmpl.c"
#include "gather_tmpl.c"
#include "transpose_tmpl.c"
#include "activations_tmpl.c"
#include "layout_tmpl.c"
#include "outputs_tmpl.c"
#include "links_tmpl.c"
#include "losses_tmpl.c"
#include "tile_tmpl.c"
#include "narrow_tmpl.c"
#include "dense_tmpl.c"
#include "normalize_tmpl.c"
#include "random_tmpl.c"
#include "add_tmpl.c"
#include "rules_tmpl.c"
#include "updates_tmpl.c"
#include "shallow_tmpl.c"
#include "sparse_tmpl.c"
#include "columns_tmpl.c"
#include "embeddings_tmpl.c"
#include "trees_tmpl.c"
#include "nearest_tmpl.c"
#if FM_BITS == 32
#include "bfloat16_operands_tmpl.c"
#include "bfloat16_tmpl.c"
#endif

static const fm_gather_fn FM(gathers)[] = {
#define FM_SOURCE(code, name, type, value) FM(gather_##name),
#include "tables/sources.def"
#undef FM_SOURCE
};
static const fm_activate_fn FM(activations)[] = {
#define FM_ACTIVATION(name, ...) FM(activate_##name),
#define FM_SLOPED FM_ACTIVATION
#include "tables/activations.def"
#undef FM_ACTIVATION
    FM(activate_native),
};
static const fm_derivative_fn FM(derivatives)[] = {
#define FM_ACTIVATION(name, ...) FM(derivative_##name),
#undef FM_SLOPED
#define FM_SLOPED(name, ...) FM(derivative_sloped),
#include "tables/activations.def"
#undef FM_ACTIVATION
#undef FM_SLOPED
    FM(derivative_sloped),
};
static const fm_loss_fn FM(losses)[] = {
#define FM_LOSS(name, takes_classes, link) FM(loss_##name),
#include "tables/losses.def"
#undef FM_LOSS
};
static const fm_link_fn FM(links)[] = {
#define FM_LOSS(name, takes_classes, link) FM(link_##link),
#include "tables/losses.def"
#undef FM_LOSS
};

extern const fm_kernels FM(kernels);
const fm_kernels FM(kernels) = {
    .vector_bytes = FM_VECTOR_BYTES,
    .has_bfloat16 = FM_HAS_BFLOAT16,
    .scatter = FM(scatter),
    .holds = FM(holds),
    .finite = FM(finite),
    .pack_transposed = FM(pack_transposed),
    .dense = FM(dense),
#if FM_HAS_NARROW
    .dense_turned = FM(dense_turned),
    .shallow_forward = FM(shallow_forward),
    .shallow_update = FM(shallow_update),
#endif
    .sparse = FM(sparse),
    .update_dense = FM(update_dense),
    .update_sparse = FM(update_sparse),
    .look_up = FM(look_up),
    .sum_bins = FM(sum_bins),
    .columns = FM(columns),
    .update_columns = FM(update_columns),
    .embed = FM(embed),
    .update_embeddings = FM(update_embeddings),
    .update_sums = FM(update_sums),
#if FM_BITS == 32
    .round_left = FM(round_left),
    .round_columns = FM(round_columns),
    .round_right = FM(round_right),
    .round_strips = FM(round_strips),
    .bfloat16_dense = FM(bfloat16_dense),
    .bfloat16_update = FM(bfloat16_update),
#endif
    .prepare_sums = FM(prepare_sums),
    .limit_norms = FM(limit_norms),
    .drop = FM(drop),
    .add_noise = FM(add_noise),
    .bernoulli = FM(bernoulli),
    .add = FM(add),
    .standardize = FM(standardize),
    .layer_norm = FM(layer_norm),
    .layer_norm_back = FM(layer_norm_back),
    .column_moments = FM(column_moments),
    .join_moments = FM(join_moments),
    .batch_norm = FM(batch_norm),
    .column_sums = FM(column_sums),
    .join_sums = FM(join_sums),
    .batch_norm_back = FM(batch_norm_back),
    .multiply_add = FM(multiply_add),
    .tree_gradients = FM(tree_gradients),
    .tree_sums = FM(tree_sums),
    .tree_split = FM(tree_split),
    .tree_level = FM(tree_level),
    .tree_sides = FM(tree_sides),
    .tree_rest = FM(tree_rest),
    .tree_part = FM(tree_part),
    .tree_leaves = FM(tree_leaves),
    .tree_numbers = FM(tree_numbers),
    .tree_values = FM(tree_values),
    .smallest = FM(smallest),
    .squared_distances = FM(squared_distances),
    .distances_between = FM(distances_between),
    .add_to = FM(add_to),
    .pull = FM(pull),
    .gather = FM(gathers),
    .activate = FM(activations),
    .derivative = FM(derivatives),
    .loss = FM(losses),
    .link = FM(links),
};
