import java.net.InetAddress;

/** Prints the addresses of a name, as Java's resolver finds them. */
class Resolve {
    public static void main(String[] arguments) throws Exception {
        for (InetAddress address : InetAddress.getAllByName(arguments[0])) System.out.println(address.getHostAddress());
    }
}
