/* Remembered sums: a hash table from what a sum depends on to the sum itself.
 *
 * A remembered value is the same bits as a fresh one, so forgetting changes only time. At
 * SIGNAL_CACHE_ENTRIES_MAX entries all are forgotten at once: the next shots fill it again with what is in use.
 */
#ifndef QUAYMASTER_REMEMBERED_H
#define QUAYMASTER_REMEMBERED_H

#include <stdint.h>

/* What `remembered_key.word[0]` tells apart in its low two bits. */
enum { REMEMBERED_INTEGRAL = 0, REMEMBERED_COVARIANCE = 1, REMEMBERED_OFFSET = 2, REMEMBERED_PEAK = 3 };

enum { REMEMBERED_RECENT = 256 };

typedef struct {
    uint64_t word[5];
} remembered_key;

typedef struct {
    double number[4];
} remembered_value;

typedef struct {
    remembered_key key;
    remembered_value value;
    uint64_t used;
} remembered_entry;

typedef struct {
    remembered_entry *entries;
    uint64_t slots; /* a power of two, or 0 */
    uint64_t count;
    remembered_entry *recent[REMEMBERED_RECENT]; /* by the caller's hint: found without hashing */
} remembered;

void remembered_free(remembered *r);

/* The value of a key; *fresh says that it is new, and the caller fills it at once. NULL: no memory. The pointer holds
 * until the next call. hint: any number that tends to be the same for the same key. */
remembered_value *remembered_search(remembered *r, const remembered_key *key, uint32_t hint, int *fresh);

static inline int remembered_same(const remembered_key *a, const remembered_key *b)
{
    return ((a->word[0] ^ b->word[0]) | (a->word[1] ^ b->word[1]) | (a->word[2] ^ b->word[2]) | (a->word[3] ^ b->word[3]) |
            (a->word[4] ^ b->word[4])) == 0;
}

static inline remembered_value *remembered_find(remembered *r, const remembered_key *key, uint32_t hint, int *fresh)
{
    remembered_entry *entry = r->recent[hint % REMEMBERED_RECENT];
    if (entry && remembered_same(&entry->key, key)) {
        *fresh = 0;
        return &entry->value;
    }
    return remembered_search(r, key, hint, fresh);
}

#endif
