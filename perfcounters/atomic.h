/* atomic: values that several processes share without a lock: read whole, written whole, added to, also 64 bits by 32-bit programs.
 *
 * On 32-bit Windows a compare-exchange would write, and readers have the memory read-only; and kernel32 of XP has no
 * InterlockedCompareExchange64. So the compiler's own: a load of 8 aligned bytes is one instruction of the FPU or of SSE, which x86 keeps
 * whole. With MSVC, reads and writes of volatile values acquire and release by themselves (/volatile:ms, its default there). */
#ifndef PERFCOUNTERS_ATOMIC_H
#define PERFCOUNTERS_ATOMIC_H

#include <stdint.h>

#ifdef _MSC_VER
#include <emmintrin.h>
#include <intrin.h>

static inline uint32_t atomic32_load(const volatile uint32_t *value)
{
    return *value;
}

static inline void atomic32_store(volatile uint32_t *value, uint32_t wanted)
{
    *value = wanted;
}

static inline void atomic_fence(void)
{
    _ReadWriteBarrier(); /* x86 and x64 reorder no reads, and no writes */
}

static inline uint64_t atomic64_load(const volatile uint64_t *value)
{
    uint64_t result;
    _mm_storel_epi64((__m128i *)&result, _mm_loadl_epi64((const __m128i *)value));
    return result;
}

static inline void atomic64_store(volatile uint64_t *value, uint64_t wanted)
{
    _mm_storel_epi64((__m128i *)value, _mm_loadl_epi64((const __m128i *)&wanted));
}

static inline void atomic64_add(volatile uint64_t *value, uint64_t more)
{
    __int64 seen = (__int64)atomic64_load(value), before;
    while ((before = _InterlockedCompareExchange64((volatile __int64 *)value, seen + (__int64)more, seen)) != seen)
        seen = before;
}

#else

static inline uint32_t atomic32_load(const volatile uint32_t *value)
{
    return __atomic_load_n(value, __ATOMIC_ACQUIRE);
}

static inline void atomic32_store(volatile uint32_t *value, uint32_t wanted)
{
    __atomic_store_n(value, wanted, __ATOMIC_RELEASE);
}

static inline void atomic_fence(void)
{
    __atomic_thread_fence(__ATOMIC_ACQ_REL);
}

static inline uint64_t atomic64_load(const volatile uint64_t *value)
{
    return __atomic_load_n(value, __ATOMIC_RELAXED);
}

static inline void atomic64_store(volatile uint64_t *value, uint64_t wanted)
{
    __atomic_store_n(value, wanted, __ATOMIC_RELAXED);
}

static inline void atomic64_add(volatile uint64_t *value, uint64_t more)
{
    __atomic_fetch_add(value, more, __ATOMIC_RELAXED);
}

#endif
#endif
