import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.InputStreamReader;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;

/** One call in a loop, a batch for each line on stdin, as c/loop.c; `Loop start` only starts. */
public final class Loop {
    private static final int WARM_UP = 30_000; // calls, so that the loop is compiled before it is timed

    private static final int MANY = 10_000; // virtual threads at once

    private interface Call {
        void run() throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("start")) {
            System.out.println("started");
            return;
        }
        Call call = call(arguments[0], arguments[1]);
        repeat(call, arguments[0].equals("virtual-many") ? WARM_UP / MANY * 10 : WARM_UP);
        System.out.println("ready");
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in));
        for (String line = requests.readLine(); line != null; line = requests.readLine()) {
            int times = Integer.parseInt(line);
            repeat(call, times / 8 + 1);
            long before = System.nanoTime();
            repeat(call, times);
            System.out.println(System.nanoTime() - before);
        }
    }

    private static Call call(String name, String file) throws Exception {
        Path path = Path.of(file);
        return switch (name) {
            case "open" -> () -> new FileInputStream(file).close();
            case "read" -> () -> Files.readAllBytes(path);
            case "thread-10" -> () -> thread(10);
            case "thread-50" -> () -> thread(50);
            case "thread-200" -> () -> thread(200);
            case "virtual-10" -> virtual();
            case "virtual-many" -> virtuals();
            default -> throw new IllegalArgumentException(name);
        };
    }

    /** Starts a thread below so many frames, and waits for it. */
    private static void thread(int frames) throws Exception {
        if (frames > 5) { // those of main, repeat, the call and this, and Thread.start
            thread(frames - 1);
            return;
        }
        Thread thread = new Thread(() -> {});
        thread.start();
        thread.join();
    }

    /** Starts a virtual thread below ten frames, and waits for it. */
    private static Call virtual() throws Exception {
        MethodHandle start = start();
        Runnable nothing = () -> {};
        return () -> virtual(start, nothing, 10).join();
    }

    /** Starts ten thousand virtual threads below ten frames, and waits for all. */
    private static Call virtuals() throws Exception {
        MethodHandle start = start();
        return () -> {
            CountDownLatch all = new CountDownLatch(MANY);
            for (int i = 0; i < MANY; i++) {
                virtual(start, all::countDown, 10);
            }
            all.await();
        };
    }

    /** What starts a virtual thread; the compiler of this class may know none. */
    private static MethodHandle start() throws Exception {
        // Nobody is judged before there is a class that is neither the JDK's nor the host's.
        URL own = Loop.class.getProtectionDomain().getCodeSource().getLocation();
        new URLClassLoader(new URL[] {own}, null).loadClass("Loop");
        try {
            MethodType type = MethodType.methodType(Thread.class, Runnable.class);
            return MethodHandles.lookup().findStatic(Thread.class, "startVirtualThread", type);
        } catch (ReflectiveOperationException before21) {
            throw new IllegalStateException(before21);
        }
    }

    private static Thread virtual(MethodHandle start, Runnable task, int frames) throws Exception {
        if (frames > 6) { // those of main, repeat, the call and this, and Thread's two
            return virtual(start, task, frames - 1);
        }
        try {
            return (Thread) start.invokeExact(task);
        } catch (Exception failed) {
            throw failed;
        } catch (Throwable failed) {
            throw new IllegalStateException(failed);
        }
    }

    private static void repeat(Call call, int times) throws Exception {
        for (int i = 0; i < times; i++) {
            call.run();
        }
    }
}
