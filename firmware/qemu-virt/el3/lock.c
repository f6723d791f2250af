/* CPUs take turns. Exclusive accesses work without an MMU on this machine, as QEMU has no caches. */
#include "firmware.h"

void lock(struct spinlock *spinlock)
{
	while (__atomic_exchange_n(&spinlock->taken, 1U, __ATOMIC_ACQUIRE) != 0U) {
	}
}

void unlock(struct spinlock *spinlock)
{
	__atomic_store_n(&spinlock->taken, 0U, __ATOMIC_RELEASE);
}
