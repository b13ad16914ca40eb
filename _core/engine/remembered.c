#include "remembered.h"

#include <stdlib.h>
#include <string.h>

#include "signals.h"

enum { FIRST_SLOTS = 1024 };

/* Products that do not wait for one another, then one mix. */
static inline uint64_t hash(const remembered_key *key)
{
    static const uint64_t odd[5] = {0x9E3779B97F4A7C15ull, 0xC2B2AE3D27D4EB4Full, 0x165667B19E3779F9ull,
                                    0xD6E8FEB86659FD93ull, 0xA0761D6478BD642Full};
    uint64_t h = 0;
    for (int i = 0; i < 5; i++) {
        uint64_t x = key->word[i] * odd[i];
        h += x ^ x >> 29;
    }
    h *= 0xFF51AFD7ED558CCDull;
    return h ^ h >> 32;
}

/* The entry of the key, or the free one where it belongs. */
static remembered_entry *place(remembered_entry *entries, uint64_t slots, const remembered_key *key)
{
    uint64_t i = hash(key) & (slots - 1);
    while (entries[i].used && !remembered_same(&entries[i].key, key))
        i = (i + 1) & (slots - 1);
    return &entries[i];
}

static int grow(remembered *r)
{
    uint64_t slots = r->slots ? 4 * r->slots : FIRST_SLOTS;
    remembered_entry *entries = calloc(slots, sizeof *entries);
    if (!entries)
        return SIGNAL_NO_MEMORY;
    for (uint64_t i = 0; i < r->slots; i++)
        if (r->entries[i].used)
            *place(entries, slots, &r->entries[i].key) = r->entries[i];
    free(r->entries);
    memset(r->recent, 0, sizeof r->recent);
    r->entries = entries;
    r->slots = slots;
    return SIGNAL_OK;
}

void remembered_free(remembered *r)
{
    free(r->entries);
    memset(r, 0, sizeof *r);
}

remembered_value *remembered_search(remembered *r, const remembered_key *key, uint32_t hint, int *fresh)
{
    if (r->count >= SIGNAL_CACHE_ENTRIES_MAX) {
        memset(r->entries, 0, r->slots * sizeof *r->entries);
        memset(r->recent, 0, sizeof r->recent);
        r->count = 0;
    }
    if (2 * r->count >= r->slots && grow(r))
        return NULL;
    remembered_entry *entry = place(r->entries, r->slots, key);
    *fresh = !entry->used;
    if (!entry->used) {
        entry->used = 1;
        entry->key = *key;
        r->count++;
    }
    r->recent[hint % REMEMBERED_RECENT] = entry;
    return &entry->value;
}
