/* Digital inputs: what they hear of the markers that elements play, and the edges in that (docs/arithmetic.md 20).
 *
 * The machine says which parts of markers are high, per element in the order of time; whoever asks for edges says where.
 * It has to know by itself that nothing more can come before the end of what it asks for.
 */
#ifndef QUAYMASTER_DIGITAL_H
#define QUAYMASTER_DIGITAL_H

#include <stdint.h>

#define DIGITAL_PARTS_MAX (1ll << 21) /* high parts of all elements not yet forgotten */
#define DIGITAL_LEAD 1                /* ns before a window that are looked at */

/* Codes; 0 is success, an id is >= 0. */
enum { DIGITAL_NO_MEMORY = -1, DIGITAL_FULL = -2, DIGITAL_BAD_ID = -3 };

typedef struct digital digital;

/* NULL without memory. seed: of the light. */
digital *digital_new(uint64_t seed, int elements);
void digital_free(digital *d);

/* An input; number: what its light is counted by. falling: its pulses begin where its level falls. dead: ns after a tag;
 * delay: ns of all that it hears but light. */
int digital_add_input(digital *d, int32_t number, int falling, int64_t dead, int64_t delay);

/* The input hears one more output. Returns its number among those of the input. */
int digital_add_line(digital *d, int input, int inverted);

/* That output carries the markers of an element, `delay` late and longer by `buffer` on both sides. */
int digital_add_marker(digital *d, int input, int line, int element, int64_t delay, int64_t buffer);

/* Light at the input, as signals_add_photons has it: it is high for `width` ns from each photon on. */
int digital_add_light(digital *d, int input, const uint64_t *thresholds, int count, int width);

int digital_hears(const digital *d, int element);
int64_t digital_delay(const digital *d, int input);
int digital_is_lit(const digital *d, int input);

/* Room for `count` more parts of an element: 0, or a code; DIGITAL_FULL: forget some. */
int digital_room(digital *d, int element, int64_t count);

/* A marker of a pulse that starts at `start` is high in [from, to). Only behind digital_room. */
void digital_high(digital *d, int element, int64_t start, int64_t from, int64_t to);

/* The last part goes on from its end (a level is held), until digital_low. */
void digital_hold(digital *d, int element);
void digital_low(digital *d, int element, int64_t t);
int digital_ends(const digital *d, int element, int64_t t); /* whether the last part ends there */

/* Nothing before t is asked for any more (levels from t - DIGITAL_LEAD on are). */
void digital_forget_before(digital *d, int64_t t);

/* The first `most` tags of [start, start + length) in ns from start, at tags (NULL: none is wanted), and the number of them,
 * or of all where none is wanted. 0 or a code. */
int digital_tags(digital *d, int input, int64_t start, int64_t length, int32_t *tags, int64_t most, int64_t *count);

/* The first edge of [from, until) at *t, which stays as it is where there is none. 0 or a code. */
int digital_edge(digital *d, int input, int64_t from, int64_t until, int64_t *t);

/* The element of the k-th marker that an input hears, in any order; -1 behind the last. */
int digital_source(const digital *d, int input, int k);

#endif
