/*
 * Loops for processors that have more than all have: built for those, and taken where the processor says that it is
 * one. For what goes over each byte of large messages, nothing else.
 */
#ifndef ENGINEIO_NET_AVX2_H
#define ENGINEIO_NET_AVX2_H

#if defined(__x86_64__) && defined(__GNUC__)
#define EIO_HAS_AVX2_LOOPS 1
#define EIO_AVX2 __attribute__((target("avx2")))
/* A look at a word that the C library's start has filled. */
#define EIO_CPU_HAS_AVX2 (__builtin_cpu_supports("avx2") != 0)
#else
#define EIO_HAS_AVX2_LOOPS 0
#endif

#endif
