package main
import ("testing";"context";"io";"os";"strings")
func BenchmarkZZ(b *testing.B){
 for b.Loop() { run(context.Background(), strings.Fields(os.Getenv("ZZ")), nil, io.Discard, io.Discard) }
}
