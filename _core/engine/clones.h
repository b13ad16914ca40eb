/* CLONES: one function, compiled for several instruction sets, the best chosen when the module is loaded.
 * Only feature names, and no contraction, so that the bits are the same in all (docs/arithmetic.md). */
#ifndef QUAYMASTER_CLONES_H
#define QUAYMASTER_CLONES_H

#include <stdlib.h> /* defines __GLIBC__ where there is one */

#if !defined(SIGNAL_NO_CLONES) && defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__ELF__) && \
    defined(__GLIBC__)
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
/* Loads that are not aligned and all that counts: 512 bits would cross a cache line each time. */
#define CLONES_256 __attribute__((target_clones("avx2", "default")))
#else
#define CLONES
#define CLONES_256
#endif

/* A product that is rounded before it is added: GCC 12 fuses interleaved a*b-c*d, a*d+b*c (vfmaddsub) even with
 * -ffp-contract=off, if flags from outside allow FMA. Arrays with real and imaginary parts apart are not affected. */
#if defined(__GNUC__) && defined(__x86_64__)
#define ROUNDED(x) __asm__("" : "+x"(x))
#else
#define ROUNDED(x) ((void)0)
#endif

#define INLINE static inline __attribute__((always_inline))

#endif
