// N numbers become two with the same sum, modulo 2^W: rows of full adders, which take the numbers in turn and give theirs behind all others.
// When it is mapped, a library's full adders stand in its place, the earliest operands first (rtl-gen/synth/carry_save.py).
module hw_compress #(
  parameter N = 32,              // numbers
  parameter W = 20               // bits of a number
) (
  input used,                    // whether anything reads the two in this cycle; what they are in others does not matter
  input [N*W-1:0] terms,         // the numbers, the first lowest
  output reg [W-1:0] sum,        // one of two whose sum is theirs
  output reg [W-1:0] carry       // the other
);
  localparam ROWS = (N > 2) ? N - 2 : 0;
  localparam ALL = N + 2 * ROWS;
  reg [ALL*W-1:0] number;
  reg [W-1:0] x, y, z, most;
  integer r;
  always @* begin
    {number, x, y, z, most} = {(ALL+4)*W{1'bx}};
    if (used) begin
      number[N*W-1:0] = terms;
      for (r = 0; r < ROWS; r = r + 1) begin
        x = number[3*r*W +: W];
        y = number[(3*r+1)*W +: W];
        z = number[(3*r+2)*W +: W];
        most = (x & y) | (z & (x | y));
        number[(N+2*r)*W +: W] = x ^ y ^ z;
        number[(N+2*r+1)*W +: W] = most << 1;
      end
    end
    sum = number[(ALL-1)*W +: W];
    carry = (N > 1) ? number[((ALL > 1) ? ALL-2 : 0)*W +: W] : 0;
  end
endmodule
