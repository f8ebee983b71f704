/*
 * Allocations that fail on demand. The test is linked with -Wl,--wrap for malloc, calloc and
 * realloc: what our own code asks for comes by here, what shared libraries ask for does not.
 */
#ifndef TESTS_SUPPORT_FAILING_ALLOC_H
#define TESTS_SUPPORT_FAILING_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* Let the one after the next `spared` allocations fail, and no other. */
void fail_allocation(size_t spared);
/* Let none fail any more. Whether one has failed since fail_allocation. */
bool allocation_has_failed(void);

#endif
