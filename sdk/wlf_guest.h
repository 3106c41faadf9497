/* What a plugin for wlf needs, in C without a C library: version 1 of the interface (docs/wasm.md).
 *
 *     clang --target=wasm32 -mbulk-memory -O2 -ffreestanding -nostdlib -c plugin.c -o plugin.o
 *     wasm-ld --no-entry --strip-all plugin.o -o plugin.wasm
 *
 * Include it in one file, and write wlf_transform or wlf_filter there; wlf_abi_version and wlf_alloc stand below.
 */
#ifndef WLF_GUEST_H
#define WLF_GUEST_H

/* Results of wlf_init, and negative ones of the other two; a plugin's own are -64 to -255. */
enum { WLF_OK = 0, WLF_E_CONFIG = -1, WLF_E_INPUT = -2, WLF_E_MEMORY = -3, WLF_E_UNSUPPORTED = -4, WLF_E_INTERNAL = -5 };

/* Verdicts of wlf_filter, one byte for each line. */
enum { WLF_DROP = 0, WLF_KEEP = 1 };

enum { WLF_ERROR = 0, WLF_WARNING = 1, WLF_INFO = 2, WLF_DEBUG = 3 };

#define WLF_EXPORT(name) __attribute__((export_name(#name))) name

/* A line of the log, of 4,096 bytes at most. */
__attribute__((import_module("wlf"), import_name("log"))) void wlf_log(int level, const char *text, int length);

extern unsigned char __heap_base; /* where the linker ends: all memory behind it is free */

/* Is the memory there up to `end`? It is made larger where it is not. */
static int wlf_reach(const char *end) {
    unsigned long pages = ((unsigned long)end + 65535) >> 16, have = __builtin_wasm_memory_size(0);
    return pages <= have || __builtin_wasm_memory_grow(0, pages - have) != (unsigned long)-1;
}

int WLF_EXPORT(wlf_abi_version)(void) { return 1; }

/* One buffer, used again for each batch. */
char *WLF_EXPORT(wlf_alloc)(int size) {
    char *at = (char *)(((unsigned long)&__heap_base + 15) & ~15ul);
    return size >= 0 && wlf_reach(at + size) ? at : 0;
}

/* An answer that grows behind the batch. */
typedef struct {
    char *start, *at;
    int failed;
} wlf_answer;

static wlf_answer wlf_answer_behind(const char *batch, int size) {
    char *start = (char *)batch + size;
    wlf_answer answer = {start, start, 0};
    return answer;
}

/* Room for `size` bytes at `answer->at`; 0 where there is none. Move `answer->at` along by what was written. */
static int wlf_room(wlf_answer *answer, int size) {
    if (!wlf_reach(answer->at + size)) answer->failed = 1;
    return !answer->failed;
}

__attribute__((unused)) static void wlf_put(wlf_answer *answer, const char *text, int size) {
    if (!wlf_room(answer, size)) return;
    __builtin_memcpy(answer->at, text, (unsigned long)size);
    answer->at += size;
}

/* What wlf_transform and wlf_filter return. */
static long long wlf_return(const wlf_answer *answer) {
    if (answer->failed) return WLF_E_MEMORY;
    return (long long)(unsigned long)answer->start << 32 | (long long)(answer->at - answer->start);
}

/* The high bit of each byte of `eight` that is like the byte in `pattern`, and perhaps of some behind the first. */
static unsigned long long wlf_like(const char *eight, unsigned long long pattern) {
    unsigned long long bytes;
    __builtin_memcpy(&bytes, eight, 8);
    bytes ^= pattern;
    return (bytes - 0x0101010101010101ull) & ~bytes & 0x8080808080808080ull;
}

/* Where a character is; `end` where it is not. Many bytes at a time: every turn of a loop costs a look at the deadline. */
static const char *wlf_find(const char *at, const char *end, char wanted) {
    const unsigned long long pattern = 0x0101010101010101ull * (unsigned char)wanted;
    for (; end - at >= 16; at += 16) {
        unsigned long long one = wlf_like(at, pattern), two = wlf_like(at + 8, pattern);
        if (one) return at + (__builtin_ctzll(one) >> 3);
        if (two) return at + 8 + (__builtin_ctzll(two) >> 3);
    }
    for (; end - at >= 8; at += 8) {
        unsigned long long found = wlf_like(at, pattern);
        if (found) return at + (__builtin_ctzll(found) >> 3);
    }
    while (at < end && *at != wanted) at++;
    return at;
}

/* The next line without its line end: its length, and -1 behind the last one. */
__attribute__((unused)) static int wlf_next_line(const char **at, const char *end, const char **line) {
    if (*at >= end) return -1;
    const char *stop = wlf_find(*at, end, '\n');
    *line = *at;
    *at = stop + 1;
    return (int)(stop - *line);
}

#endif
