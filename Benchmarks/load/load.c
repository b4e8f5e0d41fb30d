// An HTTP/1.1 client that measures and takes as little of the processor as it can: bodies are dropped inside the
// kernel (MSG_TRUNC on a TCP socket), so that the server's share of a small machine is not eaten by its client.
//
//   load burst  PORT CLIENTS SECONDS PATH...   every client asks once, all at the same time, PATHs in turn
//   load repeat PORT CLIENTS SECONDS PATH      every client asks again and again
//   load hold   PORT CLIENTS SECONDS PATH      every client asks once and keeps its connection; then one line of
//                                              JSON, and for each line on standard input everybody asks again
//
// LOAD_STALLED=N in the environment: the first N clients read an answer's head and then nothing more, and nobody waits
// for them.
//
// Speaks to 127.0.0.1. Prints one JSON object. SECONDS bounds the whole run; whoever is not done then counts as
// failed in `burst`. Answers need a Content-Length, except in `burst`, where the end of the connection also counts.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { headLimit = 16384, slice = 4 << 20 };

struct client {
    int fd;
    const char *path;
    char *head;
    int headCount, inBody, done, failed;
    int status;
    // -1: until the connection ends.
    int64_t left;
    int64_t bytes;
    double firstAt, lastAt;
};

static int port, clientCount, stalledCount;
static struct client *clients;
static double startedAt, deadline;
static int poller;
static int64_t totalBytes, totalRequests, totalErrors;
static int openCount, waitingCount, lastStatus;
static enum { burst, repeat, hold } mode;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void finish(struct client *c, int failed) {
    if (c->done) return;
    c->done = 1;
    c->failed = failed;
    c->lastAt = now();
    waitingCount--;
    if (failed) totalErrors++, lastStatus = c->status;
    if (failed || mode == burst) {
        if (c->fd >= 0) close(c->fd);
        c->fd = -1;
        openCount--;
    }
}

static void ask(struct client *c) {
    char text[1024];
    int count = snprintf(
        text, sizeof text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: load\r\nAccept: application/vnd.oci.image.manifest.v1+json, */*\r\n%s\r\n", c->path,
        port, mode == burst ? "Connection: close\r\n" : "");
    c->headCount = c->inBody = c->done = 0;
    // A fresh socket takes so few bytes at once.
    if (send(c->fd, text, count, MSG_NOSIGNAL) != count) finish(c, 1);
}

static int begin(struct client *c) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0) return -1;
    openCount++;
    waitingCount++;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0) {
        finish(c, 1);
        return 0;
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event);
    ask(c);
    return 0;
}

// Returns whether the answer is complete.
static int received(struct client *c, int64_t count) {
    if (count > 0 && c->firstAt == 0) c->firstAt = now();
    c->bytes += count;
    totalBytes += count;
    if (c->left >= 0) c->left -= count;
    return c->left == 0;
}

static void completed(struct client *c) {
    totalRequests++;
    if (c->status != 200) {
        finish(c, 1);
        return;
    }
    if (mode == repeat && now() < deadline) {
        ask(c);
        return;
    }
    finish(c, 0);
}

static void readHead(struct client *c) {
    ssize_t count = recv(c->fd, c->head + c->headCount, headLimit - 1 - c->headCount, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) {
        finish(c, 1);
        return;
    }
    c->headCount += count;
    c->head[c->headCount] = 0;
    char *end = strstr(c->head, "\r\n\r\n");
    if (!end) {
        if (c->headCount == headLimit - 1) finish(c, 1);
        return;
    }
    c->status = atoi(c->head + 9);
    *end = 0;
    char *length = strcasestr(c->head, "\r\ncontent-length:");
    c->left = length ? atoll(length + 17) : -1;
    c->inBody = 1;
    if (c->left < 0 && mode != burst) {
        finish(c, 1);
        return;
    }
    if (c - clients < stalledCount) {
        epoll_ctl(poller, EPOLL_CTL_DEL, c->fd, NULL);
        waitingCount--;
        return;
    }
    int64_t surplus = c->headCount - (end + 4 - c->head);
    if (received(c, surplus)) completed(c);
}

static void readBody(struct client *c) {
    size_t want = c->left < 0 || c->left > slice ? slice : (size_t)c->left;
    ssize_t count = recv(c->fd, NULL, want, MSG_DONTWAIT | MSG_TRUNC);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count < 0 || (count == 0 && c->left > 0)) {
        finish(c, 1);
        return;
    }
    if (count == 0) {
        completed(c);
        return;
    }
    if (received(c, count)) completed(c);
}

static void serve(void) {
    static struct epoll_event events[1024];
    while (waitingCount > 0) {
        double rest = deadline + (mode == repeat ? 30 : 0) - now();
        if (rest <= 0) return;
        int count = epoll_wait(poller, events, 1024, rest > 1 ? 1000 : (int)(rest * 1000) + 1);
        for (int i = 0; i < count; i++) {
            struct client *c = events[i].data.ptr;
            if (c->fd < 0) continue;
            if (c->done) {
                // A kept connection that the server closes.
                char byte;
                if (recv(c->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0) {
                    close(c->fd);
                    c->fd = -1;
                    openCount--;
                }
                continue;
            }
            if (c->inBody) readBody(c); else readHead(c);
        }
    }
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void printTimes(const char *name, double *values, int count) {
    if (count == 0) return;
    qsort(values, count, sizeof *values, ascending);
    printf(
        ", \"%s_min\": %.6f, \"%s_median\": %.6f, \"%s_p99\": %.6f, \"%s_max\": %.6f", name, values[0], name,
        values[count / 2], name, values[(int)((count - 1) * 0.99)], name, values[count - 1]);
}

static void report(void) {
    double *first = calloc(clientCount, sizeof *first), *last = calloc(clientCount, sizeof *last);
    int firstCount = 0, lastCount = 0;
    for (int i = 0; i < clientCount; i++) {
        if (clients[i].firstAt > 0) first[firstCount++] = clients[i].firstAt - startedAt;
        if (clients[i].done && !clients[i].failed) last[lastCount++] = clients[i].lastAt - startedAt;
    }
    printf(
        "{\"requests\": %lld, \"bytes\": %lld, \"errors\": %lld, \"status\": %d, \"unfinished\": %d, \"open\": %d, \"seconds\": %.6f",
        (long long)totalRequests, (long long)totalBytes, (long long)totalErrors, lastStatus, waitingCount, openCount,
        now() - startedAt);
    printTimes("first", first, firstCount);
    printTimes("last", last, lastCount);
    printf("}\n");
    fflush(stdout);
    free(first);
    free(last);
}

int main(int argc, char **argv) {
    if (argc < 6) return fprintf(stderr, "usage: load burst|repeat|hold PORT CLIENTS SECONDS PATH...\n"), 64;
    mode = strcmp(argv[1], "burst") == 0 ? burst : strcmp(argv[1], "hold") == 0 ? hold : repeat;
    port = atoi(argv[2]);
    clientCount = atoi(argv[3]);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    poller = epoll_create1(EPOLL_CLOEXEC);
    stalledCount = atoi(getenv("LOAD_STALLED") ?: "0");
    clients = calloc(clientCount, sizeof *clients);
    startedAt = now();
    deadline = startedAt + atof(argv[4]);
    for (int i = 0; i < clientCount; i++) {
        clients[i].path = argv[5 + i % (argc - 5)];
        clients[i].head = malloc(headLimit);
        if (begin(&clients[i]) != 0) return perror("socket"), 1;
        // The server's queue of new connections is finite.
        if (mode == hold && i % 128 == 127) serve();
    }
    serve();
    report();
    char line[64];
    while (mode == hold && fgets(line, sizeof line, stdin)) {
        startedAt = now();
        deadline = startedAt + atof(argv[4]);
        totalRequests = totalErrors = totalBytes = 0;
        for (int i = 0; i < clientCount; i++) {
            if (clients[i].fd < 0) continue;
            clients[i].firstAt = 0;
            waitingCount++;
            ask(&clients[i]);
            if (i % 128 == 127) serve();
        }
        serve();
        report();
    }
    return 0;
}
