/* CLONES: one function, compiled for several instruction sets, the best chosen when the module is loaded.
 * Only feature names, and no contraction, so that the bits are the same in all (docs/arithmetic.md). */
#ifndef QUAYMASTER_CLONES_H
#define QUAYMASTER_CLONES_H

#include <stdlib.h> /* defines __GLIBC__ where there is one */

#if !defined(SIGNAL_NO_CLONES) && defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__ELF__) && \
    defined(__GLIBC__)
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define CLONES
#endif

#define INLINE static inline __attribute__((always_inline))

#endif
