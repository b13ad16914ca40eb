/* The library functions of the language (docs/arithmetic.md 11). codes.py has the same numbers. */
#ifndef QUAYMASTER_LIBRARY_H
#define QUAYMASTER_LIBRARY_H

#include <stdint.h>

enum library_function {
    LIBRARY_ABS, LIBRARY_RELU, LIBRARY_SIN2PI, LIBRARY_COS2PI, LIBRARY_SIN, LIBRARY_COS, LIBRARY_EXP, LIBRARY_POW2,
    LIBRARY_LN, LIBRARY_LOG2, LIBRARY_LOG10, LIBRARY_LOG, LIBRARY_POW, LIBRARY_SQRT, LIBRARY_INV_SQRT, LIBRARY_INV,
    LIBRARY_ATAN, LIBRARY_ATAN2, LIBRARY_ATAN_2PI, LIBRARY_ATAN2_2PI, LIBRARY_MSB_INT, LIBRARY_MSB_FIXED,
    LIBRARY_LRELU, LIBRARY_PLRELU, LIBRARY_ELU, LIBRARY_SELU, LIBRARY_COND, LIBRARY_COUNT
};

enum library_array_function {
    LIBRARY_SUM, LIBRARY_MAX, LIBRARY_MIN, LIBRARY_ARGMAX, LIBRARY_ARGMIN, LIBRARY_DOT_INT, LIBRARY_DOT_FIXED,
    LIBRARY_ARRAY_COUNT
};

/* What there is to say of a result: it is 0, for the arguments are outside the domain; or it was wrapped. */
enum library_note { LIBRARY_FITS, LIBRARY_OUTSIDE, LIBRARY_WRAPPED };

/* The raw result for the raw arguments (those that the function has not are ignored). *note, LIBRARY_FITS before,
 * becomes what there is to say. */
int32_t library_value(enum library_function function, int32_t a, int32_t b, int32_t c, enum library_note *note);

/* The same of arrays of `size` >= 1 cells; b only of a dot product. */
int32_t library_array_value(enum library_array_function function, const int32_t *a, const int32_t *b, int64_t size,
                            enum library_note *note);

#endif
