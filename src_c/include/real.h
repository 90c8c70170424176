/* The only file that spells the C element type. A stub has defined FM_BITS and FM_ISA before it is included. FM(name)
 * makes a name unique to the element type and the instruction set. */
#define FM_JOIN_(name, isa, bits) fm_##name##_##isa##_##bits
#define FM_JOIN(name, isa, bits) FM_JOIN_(name, isa, bits)
#define FM(name) FM_JOIN(name, FM_ISA, FM_BITS)
#if FM_BITS == 32
#define FM_REAL float
#define FM_INT int32_t
#define FM_EPS 1.1920928955078125e-07 /* numpy.finfo(float32).eps */
#define FM_PANEL 32
#else
#define FM_REAL double
#define FM_INT int64_t
#define FM_EPS 2.220446049250313e-16
#define FM_PANEL 16
#endif
