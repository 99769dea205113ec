// Prints the addresses of a name, as the C library finds them.
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

int main(int count, char **arguments) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int failed = count == 2 ? getaddrinfo(arguments[1], 0, &hints, &found) : EAI_NONAME;
    if (failed) return fprintf(stderr, "%s\n", gai_strerror(failed)), 1;
    for (; found; found = found->ai_next) {
        char text[128];
        getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, 0, 0, NI_NUMERICHOST);
        puts(text);
    }
}
