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
  output reg [BEATS*PP*32-1:0] rotation // the whole vector, pair 0 lowest
);
  localparam BW = $clog2(BEATS + 1);
  reg [BW-1:0] wr, rd;
  assign out_valid = next && rd < BEATS;
  assign out_data = out_valid ? rotation[rd*PP*32 +: PP*32] : 0;
  always @(posedge clk) begin
    if (in_valid) begin
      rotation[wr*PP*32 +: PP*32] <= in_data;
      wr <= (wr == BEATS - 1) ? 0 : wr + 1;
    end
    if (next) rd <= next_last ? 0 : (rd < BEATS) ? rd + 1 : rd;
    if (rst) begin
      wr <= 0; rd <= 0;
    end
  end
endmodule
