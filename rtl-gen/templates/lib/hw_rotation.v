// A station's copy of the token's rotation vector: taken in with the first residual beats, passed on with the first beats out.
module hw_rotation #(
  parameter PP = 4,              // pairs a beat
  parameter BEATS = 1            // beats of the rotation vector
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input in_valid,                // a beat of the vector comes in
  input [PP*32-1:0] in_data,     // PP pairs of 32 bits
  input next,                    // a residual beat leaves the station
  input next_last,               // it is the last of its vector
  output out_valid,              // a beat of the vector goes out with it
  output [PP*32-1:0] out_data,   // PP pairs of 32 bits
  output [BEATS*PP*32-1:0] rotation // the whole vector, pair 0 lowest
);
  localparam BW = $clog2(BEATS + 1);
  reg [BW-1:0] put_q, put_d;     // beat of the vector that comes next
  reg [BW-1:0] get_q, get_d;     // beat that goes out next; BEATS: all have gone
  reg [BEATS*PP*32-1:0] rotation_q;
  assign out_valid = next && get_q < BEATS;
  assign out_data = out_valid ? rotation_q[get_q*PP*32 +: PP*32] : 0;
  assign rotation = rotation_q;

  always @* begin
    put_d = put_q;
    get_d = get_q;
    if (in_valid) put_d = (put_q == BEATS - 1) ? 0 : put_q + 1;
    if (next) get_d = next_last ? 0 : (get_q < BEATS) ? get_q + 1 : get_q;
  end

  always @(posedge clk) begin
    if (in_valid) rotation_q[put_q*PP*32 +: PP*32] <= in_data;
    if (rst) begin
      put_q <= 0;
      get_q <= 0;
    end else begin
      put_q <= put_d;
      get_q <= get_d;
    end
  end
endmodule
