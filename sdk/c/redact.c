/* Masks e-mail addresses as *** and card numbers (13 to 19 digits) as ****, in every text of an event.
 *
 * It goes over the batch once and changes nothing outside of JSON texts, so that numbers stay numbers.
 */
#include "../wlf_guest.h"

enum { DIGIT = 1, WORD = 2, LOCAL = 4, DOMAIN = 8 };
enum { SHORTEST_CARD = 13, LONGEST_CARD = 19 };

static unsigned char kinds[256];

static void set(char first, char last, int kind) {
    for (int c = first; c <= last; c++) kinds[c] |= kind;
}

int WLF_EXPORT(wlf_init)(const char *config, int size) {
    (void)config, (void)size;
    set('0', '9', DIGIT | WORD | LOCAL | DOMAIN);
    set('a', 'z', WORD | LOCAL | DOMAIN);
    set('A', 'Z', WORD | LOCAL | DOMAIN);
    set('_', '_', WORD | LOCAL);
    set('.', '.', LOCAL | DOMAIN);
    set('-', '-', LOCAL | DOMAIN);
    set('%', '%', LOCAL);
    set('+', '+', LOCAL);
    return WLF_OK;
}

static int is(char c, int kind) { return kinds[(unsigned char)c] & kind; }

/* Behind a run of characters of one kind. Four at a time: every turn of a loop costs a look at the deadline. */
static const char *skip(const char *at, const char *end, int kind) {
    for (; end - at >= 4; at += 4) {
        if (!is(at[0], kind)) return at;
        if (!is(at[1], kind)) return at + 1;
        if (!is(at[2], kind)) return at + 2;
        if (!is(at[3], kind)) return at + 3;
    }
    while (at < end && is(*at, kind)) at++;
    return at;
}

/* What is not masked is copied in pieces: `from` is where the next one begins. */
typedef struct {
    const char *from;
    char *out;
} copier;

static void mask(copier *copy, const char *begin, const char *end, int stars) {
    unsigned long size = (unsigned long)(begin - copy->from);
    __builtin_memcpy(copy->out, copy->from, size);
    copy->out += size;
    while (stars--) *copy->out++ = '*';
    copy->from = end;
}

/* The card numbers in a run of characters that might have been the beginning of an address. */
static void mask_cards(copier *copy, const char *at, const char *end) {
    while (at < end) {
        const char *begin = at;
        int digits = 1;
        for (; at < end && is(*at, WORD); at++) digits &= is(*at, DIGIT);
        if (digits && at - begin >= SHORTEST_CARD && at - begin <= LONGEST_CARD) mask(copy, begin, at, 4);
        if (at == begin) at++;
    }
}

long long WLF_EXPORT(wlf_transform)(const char *batch, int size) {
    const char *at = batch, *end = batch + size;
    wlf_answer answer = wlf_answer_behind(batch, size);
    /* No mask is longer than what it covers. */
    if (!wlf_room(&answer, size)) return WLF_E_MEMORY;
    copier copy = {batch, answer.at};
    int inside = 0;
    while (at < end) {
        if (inside && is(*at, LOCAL)) {
            const char *begin = at;
            at = skip(at + 1, end, LOCAL);
            if (at + 1 < end && *at == '@' && is(at[1], DOMAIN)) {
                at = skip(at + 1, end, DOMAIN);
                mask(&copy, begin, at, 3);
            } else if (at - begin >= SHORTEST_CARD) {
                mask_cards(&copy, begin, at);
            }
            continue;
        }
        if (*at == '"')
            inside = !inside;
        else if (*at == '\\')
            at += at + 1 < end && at[1] == 'u' ? 5 : 1;
        at++;
    }
    mask(&copy, end, end, 0);
    answer.at = copy.out;
    return wlf_return(&answer);
}
