/* An instruction set says of itself, in isa/<name>.h, whatever this file asks for. Nothing else in kernels/ may
 * conclude what an instruction set can do from its name, from the width of its vectors or from the compiler's macros.
 *
 * A macro that begins with FM_HAS_ is 1 where the instruction set has the operations that are listed with it, and 0
 * where the templates shall do without. */

/* FM_ISA is the name of the instruction set, a part of the name of each of its functions. */
#ifndef FM_ISA
#error "isa/<name>.h must define FM_ISA"
#endif
/* FM_BITS is 32 for float and 64 for double. The stub isa/<name>_<bits>.c defines it. */
#ifndef FM_BITS
#error "isa/<name>_<bits>.c must define FM_BITS"
#endif
/* FM_VECTOR_BYTES is the size of a vector register. */
#ifndef FM_VECTOR_BYTES
#error "isa/<name>.h must define FM_VECTOR_BYTES"
#endif
/* FM_FORWARD_ROWS is the number of rows of the tile of a layer's product. Two vectors of sums for each, one of x and
 * two of b must fit the registers. */
#ifndef FM_FORWARD_ROWS
#error "isa/<name>.h must define FM_FORWARD_ROWS"
#endif
/* FM_GRADIENT_ROWS is the number of rows of the tile of a weight gradient. */
#ifndef FM_GRADIENT_ROWS
#error "isa/<name>.h must define FM_GRADIENT_ROWS"
#endif
/* FM_SHORT is the largest depth of a product for which a panel of the right operand stays in registers, two vectors for
 * each step of the inner index; it is 0 where registers are too few for such a kernel. */
#ifndef FM_SHORT
#error "isa/<name>.h must define FM_SHORT"
#endif
/* FM_CEILING_SUMS is how many independent sums hide the latency of a multiply-add, few enough that they and two
 * operands fit the registers. */
#ifndef FM_CEILING_SUMS
#error "isa/<name>.h must define FM_CEILING_SUMS"
#endif
/* FM_ADD_PRODUCT_AT(sum, at, b) adds the product of the element at an address and a vector to a vector, in one
 * instruction, which reads the element itself. */
#ifndef FM_HAS_PRODUCT_AT
#error "isa/<name>.h must define FM_HAS_PRODUCT_AT"
#endif
/* FM_ROWS_READ_TWICE(rows) is how many of a tile's rows read x in this way, once for each vector of b; the others read
 * x once and hold it in a register. It must be 0 where FM_HAS_PRODUCT_AT is. */
#ifndef FM_ROWS_READ_TWICE
#error "isa/<name>.h must define FM_ROWS_READ_TWICE"
#endif
/* FM_SQRT(x) is the exact root of each element of a vector. Without it the roots are computed one by one. */
#ifndef FM_HAS_SQRT
#error "isa/<name>.h must define FM_HAS_SQRT"
#endif
/* FM_MAX(x, y) and FM_MIN(x, y), of vectors, are y where one of both is NaN and where both are zeros. */
#ifndef FM_HAS_MAX
#error "isa/<name>.h must define FM_HAS_MAX"
#endif
/* FM_ROOT_ESTIMATE(x) is 1 / sqrt(x) within a relative error of 2^-14. FM_FIX_UP(x, of, table) replaces elements of x
 * by the class of those of another vector, as AVX-512's fixupimm does. These need FM_HAS_MAX. */
#ifndef FM_HAS_FAST_ROOTS
#error "isa/<name>.h must define FM_HAS_FAST_ROOTS"
#endif
/* FM_LOAD_SOME(there, at) reads the elements of a vector whose bits in a mask are set, and touches no others; those are
 * zero. FM_SET_WHERE_NAN(y, x, bits), of vectors of 32-bit words, is y, but x with more bits set where x is NaN. */
#ifndef FM_HAS_MASKS
#error "isa/<name>.h must define FM_HAS_MASKS"
#endif
/* FM_PICK_LANES(x, lanes, y) takes each lane from wherever a vector of numbers says, which count the lanes of x and, on
 * from them, those of y. FM_LOAD_FOUR(x, lane, at) is x with four elements at an address from a lane on. FM_FOUR(x,
 * number) is a vector that begins with one of the fours of x and ends with zeros. */
#ifndef FM_HAS_LANE_PICKS
#error "isa/<name>.h must define FM_HAS_LANE_PICKS"
#endif
/* FM_HAS_NARROW says whether there shall be kernels for narrow layers whose vectors run along another dimension: their
 * products, turned layers, and shallow networks. They pay where a vector holds many more elements than FM_NARROW. They
 * need FM_HAS_LANE_PICKS, and vectors of half a panel. */
#ifndef FM_HAS_NARROW
#error "isa/<name>.h must define FM_HAS_NARROW"
#endif
/* FM_HAS_BFLOAT16 says whether some CPUs with this instruction set multiply bfloat16 numbers, so that
 * runtime/dispatch.c shall be asked. */
#ifndef FM_HAS_BFLOAT16
#error "isa/<name>.h must define FM_HAS_BFLOAT16"
#endif

#if FM_HAS_FAST_ROOTS && !FM_HAS_MAX
#error "FM_HAS_FAST_ROOTS needs FM_HAS_MAX"
#endif
#if FM_HAS_NARROW && !FM_HAS_LANE_PICKS
#error "FM_HAS_NARROW needs FM_HAS_LANE_PICKS"
#endif
