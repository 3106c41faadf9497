/* Keeps the events whose JSON holds a text, or with `drop` those that do not: {"keep": "GET /"}, {"drop": "healthz"}.
 *
 * A filter: it answers with a verdict for each line, and no event is written or read anew.
 */
#include "../wlf_guest.h"

enum { MAX_TEXT = 1024 };

static char text[MAX_TEXT];
static int text_size;
static int skips[256]; /* by the last byte that is looked at: how far the text can be moved along */
static int found_means, missing_means;

/* The text behind a name, as JSON has it: so it is compared with JSON without being unescaped. */
static int read_text(const char *config, int size, const char *name, int name_size) {
    for (int at = 0; at + name_size < size; at++) {
        int same = 0;
        while (same < name_size && config[at + same] == name[same]) same++;
        if (same < name_size) continue;
        int begin = at + name_size, stop = begin;
        while (stop < size && config[stop] != '"') stop += config[stop] == '\\' ? 2 : 1;
        if (stop >= size || stop == begin || stop - begin > MAX_TEXT) return 0;
        text_size = stop - begin;
        __builtin_memcpy(text, config + begin, (unsigned long)text_size);
        for (int c = 0; c < 256; c++) skips[c] = text_size;
        for (int n = 0; n < text_size - 1; n++) skips[(unsigned char)text[n]] = text_size - 1 - n;
        return 1;
    }
    return 0;
}

int WLF_EXPORT(wlf_init)(const char *config, int size) {
    if (read_text(config, size, "\"keep\":\"", 8)) {
        found_means = WLF_KEEP;
    } else if (read_text(config, size, "\"drop\":\"", 8)) {
        missing_means = WLF_KEEP;
    } else {
        static const char told[] = "expected the option keep or drop with a text of 1 to 1024 bytes";
        wlf_log(WLF_ERROR, told, sizeof told - 1);
        return WLF_E_CONFIG;
    }
    return WLF_OK;
}

/* Horspool's search: most bytes of a line are never looked at. */
static int holds(const char *line, int size) {
    const char final = text[text_size - 1];
    for (int at = text_size - 1; at < size; at += skips[(unsigned char)line[at]]) {
        if (line[at] != final) continue;
        const char *begin = line + at - (text_size - 1);
        int same = 0;
        while (same < text_size - 1 && begin[same] == text[same]) same++;
        if (same == text_size - 1) return 1;
    }
    return 0;
}

long long WLF_EXPORT(wlf_filter)(const char *batch, int size) {
    const char *at = batch, *line;
    wlf_answer answer = wlf_answer_behind(batch, size);
    for (int length; (length = wlf_next_line(&at, batch + size, &line)) >= 0;) {
        if (!wlf_room(&answer, 1)) return WLF_E_MEMORY;
        *answer.at++ = (char)(holds(line, length) ? found_means : missing_means);
    }
    return wlf_return(&answer);
}
