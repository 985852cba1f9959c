/* SPDX-License-Identifier: Apache-2.0
 *
 * Which processes there are below a given one, and what they are: /proc, read in bounded steps. */
#ifndef LT_PROCESS_TREE_H
#define LT_PROCESS_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct lt_buf;

/* Calls back for each child of each thread of `pid`. 0, LT_ERR_NO_PROCESS, or what the callback
 * returned. */
int lt_process_children(pid_t pid, int (*each)(void *ctx, pid_t child), void *ctx);

/* The number that was given last to any process or thread of this PID namespace: while it stays the
 * same, nothing was born. The descriptor to ask for it, or -1; what it says, or 0. */
int lt_newest_pid_open(void);
uint64_t lt_newest_pid(int fd);

/* Whose child is it? 0: it is a thread of a process that was there before. LT_ERR_NO_PROCESS: it is not
 * to be seen, which may be for a moment only while it is being made. */
int lt_newborn_parent(pid_t pid, pid_t *parent);

/* What makes a process the same program: changes with exec. */
struct lt_program {
    uint64_t device, inode;
    uint64_t start; /* of the process, clock ticks since boot: tells a reused PID apart */
    uint64_t stack; /* where it begins, by chance: tells a program from itself before its exec */
};
/* 0, or LT_ERR_NO_PROCESS, LT_ERR_PERMISSION. */
int lt_process_program(pid_t pid, struct lt_program *program);
bool lt_same_program(const struct lt_program *a, const struct lt_program *b);

/* Does a process that has just been made with vfork still use its parent's memory? What is in it is
 * the parent's, then. False also where the kernel does not say. */
bool lt_borrows_memory(pid_t pid, pid_t parent);

/* Does a path lead it to the file that it leads us to? */
bool lt_shares_root(pid_t pid);

/* Do processes whose parents have ended become children of this one? */
bool lt_adopts_orphans(void);

/* Parent; 0 when it is gone. */
pid_t lt_process_parent(pid_t pid);
/* The command line, its arguments joined by blanks; at most max bytes. Appended. */
int lt_process_command(pid_t pid, size_t max, struct lt_buf *out);
/* The working folder. Appended. */
int lt_process_cwd(pid_t pid, struct lt_buf *out);
/* How many pages it has mapped, which changes when it loads a library; 0: not to be known. */
uint64_t lt_process_pages(pid_t pid);
/* Is it there, and no zombie? */
bool lt_process_alive(pid_t pid);

#endif
